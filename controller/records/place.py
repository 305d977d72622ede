"""Whether the database is still the file that was opened.

SQLite does not notice when its file is moved away or removed: it goes on writing to what no longer has a name, every
commit succeeds, and all of it is gone with the process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from controller.records.errors import RecordsUnavailable


class Place:
    """A path, and which file was there at the beginning."""

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self._path = path
        self._identity = identity

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file that is there now. RecordsUnavailable where there is none."""
        return cls(path, _identity(path))

    def require(self) -> None:
        """Return if it is there still. RecordsUnavailable where it is gone, or another has taken its place."""
        if _identity(self._path) != self._identity:
            raise RecordsUnavailable(
                f"The records cannot be reached: {self._path} is another file than the one that was opened; "
                "put that one back, or restart the controller to go on with this one"
            )


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise RecordsUnavailable(f"The records cannot be reached: {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino
