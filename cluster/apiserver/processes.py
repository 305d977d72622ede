"""Processes of a test session: started with a log file of their own, ended by their own handle."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 5.0


class Process:
    """One program that runs until `stop`, or until the session that started it dies, however that happens.

    `environment` is what it is told on top of our own.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = Path(command[0]).name
        self.log = log
        # Even a session that is killed outright leaves nothing behind, where util-linux is installed. Strictly, the
        # kernel waits for the end of the thread that started the process: start them in the main thread.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with log.open("ab") as sink:
            self._popen = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()`; AssertionError with the end of the log when the process ends or time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if (code := self._popen.poll()) is not None:
                raise AssertionError(f"{self.name} ended with {code}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} was not ready after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and wait for its end. Ending what has ended is nothing."""
        if self._popen.poll() is None:
            self._popen.terminate()
        try:
            self._popen.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has at the moment, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports
