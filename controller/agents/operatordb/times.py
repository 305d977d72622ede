"""The times in operator.db, which mostly say nothing of a zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any


def parse(text: Any, zone: tzinfo) -> datetime | None:
    """The instant that an ISO 8601 text means, UTC; one without a zone is in `zone`. None where it makes no sense."""
    if not isinstance(text, str):
        return None
    try:
        read = datetime.fromisoformat(text.strip())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
