"""`backup` and `unlock`: copies the records, and releases a lock that a campaign left behind."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import typer

from controller.cli import formatting as text
from controller.clock import Clock
from controller.printable import unfiltered
from controller.reading.protocol import RecordsReader
from controller.records.database import reading
from controller.records.errors import RecordsError, UnlockRefused
from controller.records.unlock import HeldLock, find_lock, refuse_running, unlock


def backup_to_file(reader: RecordsReader, destination: Path, force: bool) -> None:
    """Writes the copy to `destination`. Raises RecordsError where that exists and `force` is not given."""
    if destination.exists() and not force:
        raise RecordsError(f"{destination} exists already; --force replaces it")
    reader.backup(destination)
    print(f"The records were copied to {destination} ({destination.stat().st_size:,} bytes), and the copy is sound.")


def backup_to_stdout(reader: RecordsReader) -> None:
    """Writes the copy to stdout after it was verified, because bytes in a pipe cannot be taken back.

    Raises RecordsError.
    """
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


def unlock_subject(url: str, subject: str | None, campaign: str | None, yes: bool, force: bool) -> None:
    """Releases the lock of one subject. Raises UnlockRefused where that is refused, or where the person says no."""
    with reading(url) as connection:
        held = find_lock(connection, subject, campaign)
    for line in _describe(held):
        print(line)
    if not force:
        refuse_running(held)
    if not yes:
        _confirm(held)
    unlock(url, held.lock, Clock().now(), force)
    print(f"{held.lock.subject} is free. Campaigns that wait for it go on by themselves.")


def _describe(held: HeldLock) -> Iterator[str]:
    lock, row = held.lock, held.campaign
    yield f"{lock.subject} is held by campaign {lock.campaign} (uid {row.uid}) since {text.second(lock.since)} UTC."
    yield f"The campaign is {row.phase}{f', {row.reason}' if row.reason else ''}: {row.message or 'it says no more'}"
    if row.deleted_at is not None:
        yield f"Its object was deleted at {text.second(row.deleted_at)} UTC."
    if held.running:
        yield f"A controller that still runs it goes on {held.doing} it, beside whichever campaign comes next."


def _confirm(held: HeldLock) -> None:
    """Returns if the user agrees. Raises UnlockRefused if not, and where there is no terminal."""
    try:
        what = held.lock.subject
        question = f"Is nothing of a fault left in {what}, and shall it be free?"
        agreed = typer.confirm(f"Shall {what} be free?" if held.doing == "using" else question)
    except typer.Abort:
        raise UnlockRefused("Nothing was changed: nobody answered. Without a terminal, say --yes") from None
    if not agreed:
        raise UnlockRefused("Nothing was changed")
