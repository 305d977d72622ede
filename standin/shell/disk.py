"""A node's data directory: its lock, a checkpoint, and a journal of the facts since.

Facts are written before anything that rests on them leaves the process, so a killed process forgets nothing it told. A
machine that loses power may: nothing is forced to the platter, for the stand-in lives in trials, not in production.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from ..node import Fatal

JOURNAL_BYTES = 4 * 1024 * 1024
"""A journal this long is replaced by a checkpoint."""


class Disk:
    """`with`: the folder is held inside."""

    def __init__(self, folder: Path) -> None:
        """Fatal while another process uses the folder, even one that is about to die."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = os.open(folder / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Fatal(f"lock {folder / 'LOCK'} failed, maybe another instance is using this directory.") from None
        self._journal = (folder / "journal").open("ab")

    def read(self) -> tuple[Any, list[Any]]:
        """The checkpoint, None for none, and the facts since. A last line that was cut short was never acted upon."""
        checkpoint = self._folder / "checkpoint"
        told: dict[str, Any] = {"number": 0, "state": None}
        if checkpoint.exists():
            told = json.loads(checkpoint.read_text())
        written = (self._folder / "journal").read_bytes()
        whole = written[: written.rfind(b"\n") + 1]
        self._journal.truncate(len(whole))
        known = [json.loads(line) for line in whole.splitlines()]
        self._number: int = told["number"]
        # Older ones are of a journal that the checkpoint made needless.
        return told["state"], [fact for number, fact in known if number >= self._number]

    def write(self, facts: list[Any], state: Callable[[], Any]) -> None:
        """`state` is everything, for when the journal has grown long."""
        if not facts:
            return
        lines = [json.dumps([self._number, fact], separators=(",", ":")) + "\n" for fact in facts]
        self._journal.write("".join(lines).encode())
        self._journal.flush()
        if self._journal.tell() > JOURNAL_BYTES:
            self._checkpoint(state())

    def _checkpoint(self, state: Any) -> None:
        self._number += 1
        new = self._folder / "checkpoint.new"
        new.write_text(json.dumps({"number": self._number, "state": state}, separators=(",", ":")))
        new.replace(self._folder / "checkpoint")
        self._journal.truncate(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        os.close(self._lock)

    def measure(self) -> dict[str, int]:
        """In bytes: of the file system, and how much of it is ours."""
        room = os.statvfs(self._folder)
        used = sum(file.stat().st_size for file in self._folder.iterdir())
        return {"capacity": room.f_blocks * room.f_frsize, "available": room.f_bavail * room.f_frsize, "used": used}
