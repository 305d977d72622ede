"""`backup`: to a file, or through a temporary file to standard output."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from controller.printable import unfiltered
from controller.reading.protocol import RecordsReader
from controller.records.errors import RecordsError


def to_file(reader: RecordsReader, destination: Path, force: bool) -> None:
    """Write the copy to `destination`. RecordsError when it exists and may not be replaced."""
    if destination.exists() and not force:
        raise RecordsError(f"{destination} exists already; --force replaces it")
    reader.backup(destination)
    print(f"The records were copied to {destination} ({destination.stat().st_size:,} bytes), and the copy is sound.")


def to_stdout(reader: RecordsReader) -> None:
    """Write the copy's bytes to stdout, once it is known to be sound: what is piped on cannot be called back."""
    if sys.stdout.isatty():
        raise RecordsError("A backup is binary: send it to a file, as in `backup - > records.db`")
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        raise RecordsError("There is no folder for temporary files: set TMPDIR to one that can be written") from None
    with tempfile.TemporaryDirectory(dir=folder) as private:
        copy = Path(private, "records.db")
        reader.backup(copy)
        with copy.open("rb") as file:
            shutil.copyfileobj(file, unfiltered(sys.stdout).buffer)
        unfiltered(sys.stdout).buffer.flush()
