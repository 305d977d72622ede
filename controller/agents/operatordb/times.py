"""Parses times as agents write them. Naive times are common, and are in the zone of the agent's process."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class NoSuchZone(Exception):
    """The name is not in the IANA time zone database; the text says so."""


def read_time(value: object, zone: tzinfo) -> datetime | None:
    """Returns an ISO 8601 text as a time in UTC; None where it is none. A naive time is taken to be in `zone`."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def zone_of(name: str) -> tzinfo:
    """Returns a zone of the IANA database. Raises NoSuchZone for any other name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoSuchZone(f"{name!r} is no name of the IANA database, such as Europe/Vienna") from None
