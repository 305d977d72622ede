"""The controller's end of the process that reads agents' files (`worker.py`).

The controller must not open such a file itself: closing any file takes from a process all locks that it holds on it,
and where that file is the records' own, by whatever name, SQLite would go on without them. And a file that hangs, or
that eats memory, ends a process that nobody misses. It is started when it is first asked, and again when it was killed.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

import controller
from controller.agents.operatordb.guard import TooMuch
from controller.agents.operatordb.questions import Question, said
from controller.agents.protocol import AgentUnreadable
from controller.jsontypes import Json

LOOK_SECONDS = 20.0
"""For an answer, on a machine that has other things to do; SQLite's own part is limited to less."""

ANSWER_BYTES = 64 << 20
"""More than the longest honest answer, of which every text is cut."""

_START = "import sys; sys.path.append(sys.argv[1]); from controller.agents.operatordb.worker import main; main()"
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONTZPATH", "SYSTEMROOT")
"""What the process is given of ours: nothing in it is secret."""


class Child:
    """One such process. Methods block; each from any thread, one at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def ask(self, question: Question, seconds: float = LOOK_SECONDS) -> Json:
        """The answer. Raises AgentUnreadable where there is none: the process has then ended, and the next is new."""
        with self._lock:
            try:
                return said(json.loads(self._exchange(json.dumps(question.to_json()).encode() + b"\n", seconds)))
            except (OSError, ValueError, KeyError, RecursionError) as error:
                ended = self._end()
                why = f"the process that reads it ended ({ended})" if ended is not None else str(error)
                raise AgentUnreadable(f"{question.path} cannot be read: {why}") from None
            except _Late:
                self._end()
                raise TooMuch(f"{question.path} cannot be read: it takes longer than {seconds:g} s") from None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _exchange(self, line: bytes, seconds: float) -> bytes:
        """Send a line and take one, both before the time is up: neither pipe may make us wait for ever."""
        process, until = self._running(), time.monotonic() + seconds
        assert process.stdin is not None and process.stdout is not None
        left, answer = memoryview(line), bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdin, selectors.EVENT_WRITE)
            ready.register(process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                wait = until - time.monotonic()
                if wait <= 0 or len(answer) > ANSWER_BYTES:
                    raise _Late
                for key, _ in ready.select(wait):
                    if key.fileobj is process.stdin:
                        left = left[os.write(process.stdin.fileno(), left) :]
                        if not left:
                            ready.unregister(process.stdin)
                    elif not (piece := os.read(process.stdout.fileno(), 1 << 16)):
                        raise OSError("it ended")
                    else:
                        answer += piece
        return bytes(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, str(Path(controller.__file__).parents[1])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                bufsize=0,
                start_new_session=True,  # not to be ended by a Ctrl-C that is ours to mind
            )
            assert self._process.stdin is not None
            os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    def _end(self) -> int | None:
        """Kill it. Returns the status with which it had ended before, if so."""
        process, self._process = self._process, None
        if process is None:
            return None
        ended = process.poll()
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()
        return ended


class _Late(Exception):
    pass
