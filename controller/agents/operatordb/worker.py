"""The process that reads agents' files, so that the controller never opens one: questions on stdin, answers on stdout.

Each is a line of JSON. The process has little memory, may write only what SQLite needs beside a WAL, and ends itself
where a question takes too long.
"""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import sys

from controller.agents.operatordb.guard import limit_heap
from controller.agents.operatordb.questions import Question, answer

MEMORY_BYTES = 512 << 20
"""The limit of its address space: three times what the largest answer takes."""

FILE_BYTES = 16 << 20
"""SQLite's `-shm`, which a reader of a WAL database may have to write, is far smaller."""

ALARM_SECONDS = 60
"""Longer than any caller waits: it ends this process where its parent no longer exists."""


def main() -> None:
    """Answers questions until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    connection = sqlite3.connect(":memory:")
    limit_heap(connection)
    connection.close()
    for line in sys.stdin.buffer:
        signal.alarm(ALARM_SECONDS)
        try:
            answered = json.dumps(answer(Question.from_json(json.loads(line))))
        except MemoryError:
            answered = (
                '{"trouble": "TooMuch", "why": "the file cannot be read: it takes more memory than a look may have"}'
            )
        sys.stdout.buffer.write(answered.encode("ascii") + b"\n")
        sys.stdout.buffer.flush()
        signal.alarm(0)
