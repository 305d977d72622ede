"""Runs the process that reads agents' files (`queries.py`), and asks it.

The controller must not open such a file itself. Closing a file drops all locks of the process on it (POSIX), so if the
file were the records' own, under any name, SQLite would go on without its locks. And a file whose reading hangs or uses
too much memory then only ends a process that can be replaced. It is started at the first query, and after a kill.
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
from controller.agents.operatordb.file import ReadLimitExceeded
from controller.agents.operatordb.queries import FileQuery, result_of
from controller.agents.protocol import AgentUnreadable
from controller.jsontypes import Json

ANSWER_SECONDS = 20.0
"""The limit of an answer on a busy machine; SQLite's own part has a lower limit."""

ANSWER_BYTES = 64 << 20
"""More than the longest valid answer, in which every text is truncated."""

_START = "import sys; sys.path.append(sys.argv[1]); from controller.agents.operatordb.queries import main; main()"
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONTZPATH", "SYSTEMROOT")
"""The environment variables that the process inherits: none of them is secret."""


class FileReader:
    """One such process. Methods block and are thread-safe; one runs at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def ask(self, query: FileQuery, seconds: float = ANSWER_SECONDS) -> Json:
        """Returns the answer. Raises AgentUnreadable where there is none; the next call starts a new process."""
        with self._lock:
            try:
                return result_of(json.loads(self._exchange(json.dumps(query.to_json()).encode() + b"\n", seconds)))
            except (OSError, ValueError, KeyError, RecursionError) as error:
                ended = self._end()
                why = f"the process that reads it ended ({ended})" if ended is not None else str(error)
                raise AgentUnreadable(f"{query.path} cannot be read: {why}") from None
            except _TimedOut:
                self._end()
                raise ReadLimitExceeded(f"{query.path} cannot be read: it takes longer than {seconds:g} s") from None

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _exchange(self, line: bytes, seconds: float) -> bytes:
        """Sends a line and returns the answer. Raises _TimedOut after `seconds`, whichever pipe blocks."""
        process, until = self._running(), time.monotonic() + seconds
        assert process.stdin is not None and process.stdout is not None
        left, answer = memoryview(line), bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdin, selectors.EVENT_WRITE)
            ready.register(process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                wait = until - time.monotonic()
                if wait <= 0 or len(answer) > ANSWER_BYTES:
                    raise _TimedOut
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
                start_new_session=True,  # a Ctrl-C is the controller's to handle
            )
            assert self._process.stdin is not None
            os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    def _end(self) -> int | None:
        """Kills the process. Returns the exit status where it had ended by itself, or None."""
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


class _TimedOut(Exception):
    pass
