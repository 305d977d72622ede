"""`unlock`: say who holds a subject, since when and why; ask; let go."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from controller.cli import formatting as text
from controller.clock import Clock
from controller.records.database import reading
from controller.records.errors import UnlockRefused
from controller.records.unlock import HeldLock, find_lock, refuse_running, unlock


def run(url: str, subject: str | None, campaign: str | None, yes: bool, force: bool) -> None:
    """Free one subject. UnlockRefused where it is not to be freed, or where the answer was no."""
    with reading(url) as connection:
        held = find_lock(connection, subject, campaign)
    for line in _told(held):
        print(line)
    if not force:
        refuse_running(held)
    if not yes:
        _ask(held)
    unlock(url, held.lock, Clock().now(), force)
    print(f"{held.lock.subject} is free. Campaigns that wait for it go on by themselves.")


def _told(held: HeldLock) -> Iterator[str]:
    lock, row = held.lock, held.campaign
    yield f"{lock.subject} is held by campaign {lock.campaign} (uid {row.uid}) since {text.second(lock.since)} UTC."
    yield f"The campaign is {row.phase}{f', {row.reason}' if row.reason else ''}: {row.message or 'it says no more'}"
    if row.deleted_at is not None:
        yield f"Its object was deleted at {text.second(row.deleted_at)} UTC."
    if held.running:
        yield f"A controller that still runs it goes on {held.doing} it, beside whichever campaign comes next."


def _ask(held: HeldLock) -> None:
    """Return when the person agrees. Without a terminal nobody can."""
    try:
        what = held.lock.subject
        question = f"Is nothing of a fault left in {what}, and shall it be free?"
        agreed = typer.confirm(f"Shall {what} be free?" if held.doing == "using" else question)
    except typer.Abort:
        raise UnlockRefused("Nothing was changed: nobody answered. Without a terminal, say --yes") from None
    if not agreed:
        raise UnlockRefused("Nothing was changed")
