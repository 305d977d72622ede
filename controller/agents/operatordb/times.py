"""Times as agents write them. Naive ones are common, and mean whatever zone the agent ran in."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class NoSuchZone(Exception):
    """The name is not in the IANA database; the text says so."""


def read_time(value: object, zone: tzinfo) -> datetime | None:
    """An ISO 8601 text as UTC, naive ones taken to be in `zone`; None where there is none, or it cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def zone_of(name: str) -> tzinfo:
    """The zone of the IANA database. Raises NoSuchZone for any other name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoSuchZone(f"{name!r} is no name of the IANA database, such as Europe/Vienna") from None
