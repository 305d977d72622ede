"""One at a time: parallel runs wait for each other instead of building or starting the same thing twice."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.progress import note
from cluster.settings import CACHE


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock of that name. The kernel drops it with the process, so a killed run leaves none behind."""
    folder = CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    # Python's files are not inherited by children: a dockerd that we start does not keep the lock.
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"another run is busy with {name}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
