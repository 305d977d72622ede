"""Files that are written whole or not at all, without harm to what is no file."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def regular(path: Path) -> Path:
    """Where a file of that name really is, or would be: links are followed, so that a link stays a link.

    OSError where something else than a regular file is there (a device, a pipe, a folder): a rename would replace it.
    """
    real = path.resolve()
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(real.stat().st_mode):
            raise OSError(None, "it is no regular file", str(path))
    return real


def write_text(path: Path, text: str) -> None:
    """Put a text there: a file at once or not at all, keeping its mode; a device or a pipe is simply written to.

    OSError where that fails.
    """
    try:
        real = regular(path)
    except OSError:
        with path.open("w", encoding="utf-8") as there:  # raises for a folder
            there.write(text)
        return
    handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o644)
        os.replace(name, real)
    finally:
        Path(name).unlink(missing_ok=True)
