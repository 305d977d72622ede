"""Writes files completely or not at all, and leaves devices, pipes and folders in place."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def regular(path: Path) -> Path:
    """Returns the real path of a file, following links, so that a link stays a link. The file need not exist.

    Raises OSError where the path is no regular file (a device, a pipe, a folder), which a rename would replace.
    """
    real = path.resolve()
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(real.stat().st_mode):
            raise OSError(None, "it is no regular file", str(path))
    return real


def write_text(path: Path, text: str) -> None:
    """Writes a text: to a file completely or not at all, keeping its mode; to a device or a pipe directly.

    Raises OSError where that fails.
    """
    try:
        real = regular(path)
    except OSError:
        with path.open("w", encoding="utf-8") as stream:  # raises for a folder
            stream.write(text)
        return
    handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o644)
        os.replace(name, real)
    finally:
        Path(name).unlink(missing_ok=True)
