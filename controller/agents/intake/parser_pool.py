"""Runs the processes that parse bodies (`parser_process.py`), and sends the bodies to them.

There are two processes, one for logs and one for tickets and sessions, because the wait of a ticket is part of its time
to detection. Each parses one body at a time, in the order of arrival. A campaign has one body at a time in a queue, so
that it does not delay the others. A process that ends or takes too long is replaced, and its body is refused.
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
"""The limit of parsing one body. The slowest known body takes 2 s."""

START_SECONDS = 60.0
"""The limit until a new process answers. It takes a fraction of a second where the machine is not busy."""


class ParseLimitExceeded(InvalidBody):
    """Parsing the body took more time or memory than is allowed."""


@asynccontextmanager
async def parser_pool() -> AsyncIterator[ParserPool]:
    """Starts the processes, and ends them after the block."""
    workers = ParserPool()
    workers.start()
    try:
        yield workers
    finally:
        await workers.close()


class ParserPool:
    """The two processes. It belongs to one event loop; `close` ends the processes."""

    def __init__(self) -> None:
        self._workers = {"log": _Worker("log")}
        self._workers["ticket"] = self._workers["session"] = _Worker("tickets")
        self._queues: defaultdict[tuple[_Worker, str], _CampaignQueue] = defaultdict(_CampaignQueue)

    async def read(self, campaign: str, kind: str, body: bytes) -> list[dict[str, Any]]:
        """Returns the rows of the body. Raises InvalidBody, or ParseLimitExceeded."""
        worker = self._workers[kind]
        queue = self._queues[worker, campaign]
        queue.users += 1
        try:
            async with queue.lock:
                return await worker.read(kind, body)
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[worker, campaign]

    def start(self) -> None:
        """Starts the processes before the first body. Failures show when the first body is parsed."""
        for worker in {*self._workers.values()}:
            worker.warm_up()

    def pids(self) -> list[int]:
        """Returns the ids of the running processes."""
        return [worker.pid for worker in {*self._workers.values()} if worker.pid is not None]

    async def close(self) -> None:
        """Ends the processes. A body that is being parsed is refused."""
        for worker in {*self._workers.values()}:
            worker.kill()
        await asyncio.gather(*(asyncio.to_thread(worker.close) for worker in {*self._workers.values()}))


class _CampaignQueue:
    """The queue of one campaign at one worker. It exists while a request of the campaign waits."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class _Worker:
    """One process, and the thread that communicates with it."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"intake-{name}")
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        return None if self._process is None else self._process.pid

    def warm_up(self) -> None:
        """Starts the process, in the thread."""
        self._thread.submit(self._connect)

    async def read(self, kind: str, body: bytes) -> list[dict[str, Any]]:
        """Returns the rows. Cancelling does not free the thread before the process has answered."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, kind, body)

    def kill(self) -> None:
        """Kills the process. It is called from another thread, because its own may be waiting for the process."""
        self._closing = True
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """Waits for the thread, and releases the process and the socket."""
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
        ours.sendall(HEAD.pack(0, 0))  # an empty body is refused; any answer shows that the process runs
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
    """Returns the variables that Python needs, without the controller's own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
