"""Names for what was made from files: the same inputs give the same name, so that a second run finds the result."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

LENGTH = 12


def of(*parts: str | Path) -> str:
    """Hash of strings and files; a folder counts as the names and contents of all files in it."""
    digest = hashlib.sha256()
    for part in parts:
        for name, content in _contents(part):
            # Lengths first, so that no two lists of parts can run together into the same bytes.
            digest.update(f"{len(name)} {len(content)} {name}".encode())
            digest.update(content)
    return digest.hexdigest()[:LENGTH]


def _contents(part: str | Path) -> Iterable[tuple[str, bytes]]:
    if isinstance(part, str):
        yield "", part.encode()
    elif part.is_dir():
        for file in sorted(part.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{file.relative_to(part)} {file.stat().st_mode & 0o111:o}", file.read_bytes()
    else:
        yield part.name, part.read_bytes()
