"""The processes that parse bodies, as seen from the process that watches trials.

There are two, so that a ticket never waits for a log: how long a ticket waits is part of the time to its detection.
Each parses one body at a time, in the order of arrival; a campaign has one body in a queue at a time, so that many of
one campaign do not precede one of another. A process that dies, or takes too long, is replaced, and its body refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from controller.agents.intake.models import InvalidBody, from_line
from controller.agents.intake.parser_process import HEAD, KINDS, TAKEN, TOO_MUCH, receive

log = logging.getLogger(__name__)

MAX_SECONDS = 10.0
"""For one body, of which the worst that is known takes two."""

START_SECONDS = 60.0
"""Until a new process answers: it imports for a fraction of a second, on a machine that may be busy."""


class ParseLimitExceeded(InvalidBody):
    """Reading the body took more time or memory than one may take."""


@asynccontextmanager
async def parser_pool() -> AsyncIterator[ParserPool]:
    """Have the processes for as long as the block lasts."""
    workers = ParserPool()
    workers.start()
    try:
        yield workers
    finally:
        await workers.close()


class ParserPool:
    """Usable from one event loop; `close` ends the processes."""

    def __init__(self) -> None:
        self._workers = {"log": _Worker("log")}
        self._workers["ticket"] = self._workers["session"] = _Worker("tickets")
        self._turns: defaultdict[tuple[_Worker, str], _Turn] = defaultdict(_Turn)

    async def read(self, campaign: str, kind: str, body: bytes) -> list[dict[str, Any]]:
        """The rows of the body. Raises NotTaken, or TooMuchWork."""
        line = self._workers[kind]
        turn = self._turns[line, campaign]
        turn.users += 1
        try:
            async with turn.lock:
                return await line.read(kind, body)
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[line, campaign]

    def start(self) -> None:
        """Start the processes now, rather than with the first body; whether they come up is seen then."""
        for line in {*self._workers.values()}:
            line.warm()

    def pids(self) -> list[int]:
        """The processes there are now."""
        return [line.pid for line in {*self._workers.values()} if line.pid is not None]

    async def close(self) -> None:
        """End them. A body that is being read is refused."""
        for line in {*self._workers.values()}:
            line.end()
        await asyncio.gather(*(asyncio.to_thread(line.close) for line in {*self._workers.values()}))


class _Turn:
    """Of one campaign in one line. There while somebody of it waits."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class _Worker:
    """One process and the thread that talks with it."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"intake-{name}")
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """The process there is now, if there is one."""
        return None if self._process is None else self._process.pid

    def warm(self) -> None:
        """Start the process, in the thread."""
        self._thread.submit(self._connect)

    async def read(self, kind: str, body: bytes) -> list[dict[str, Any]]:
        """The rows. Never cut short: the thread is busy until the process has answered."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, kind, body)

    def end(self) -> None:
        """Kill the process, from another thread than its own: that one may be waiting for it."""
        self._closing = True
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """Wait for the thread, and leave nothing behind."""
        self._thread.shutdown()
        self._drop()

    def _read(self, kind: str, body: bytes) -> list[dict[str, Any]]:
        try:
            connection = self._connect()
            connection.settimeout(MAX_SECONDS)
            connection.sendall(HEAD.pack(len(body), KINDS.index(kind)) + body)
            length, code = HEAD.unpack(receive(connection, HEAD.size))
            text = receive(connection, length)
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            self._drop()
            if not self._closing:
                log.warning("a process that reads what agents send was ended: %s", error or type(error).__name__)
            raise ParseLimitExceeded("the body could not be read in the time and memory that one may take") from None
        if code == TAKEN:
            return [from_line(line) for line in text.split(b"\n") if line]
        raise (ParseLimitExceeded if code == TOO_MUCH else InvalidBody)(text.decode())

    def _connect(self) -> socket.socket:
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return self._connection
        self._drop()
        if self._closing:
            raise EOFError("the intake is being closed")
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controller.agents.intake.parser_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the controller, which ends it
            )
        self._connection = ours
        ours.settimeout(START_SECONDS)
        ours.sendall(HEAD.pack(0, 0))  # an empty body is refused, and that it answers is all that is asked
        receive(ours, HEAD.unpack(receive(ours, HEAD.size))[0])
        return ours

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._connection = self._process = None


def _environment() -> dict[str, str]:
    """What Python needs, and nothing of what the controller was told."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
