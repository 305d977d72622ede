"""Small rules about texts, for every room: names, times, and texts cut to a length. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

ELLIPSIS = "…"


def qualified_name(namespace: str, name: str) -> str:
    """Returns `namespace/name`, as kubectl and client-go write it."""
    return f"{namespace}/{name}"


def utc_seconds(time: datetime) -> str:
    """Returns an aware time in ISO 8601, UTC, to the second, as Kubernetes' metav1.Time: `2026-11-28T16:35:49Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_microseconds(time: datetime) -> str:
    """Returns an aware time in ISO 8601, UTC, to the microsecond: `2026-11-28T16:35:49.000000Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def truncate(text: str, length: int) -> str:
    """Returns the text in at most `length` characters; an ellipsis stands for what was cut off."""
    return text if len(text) <= length else text[: length - 1] + ELLIPSIS


def truncate_bytes(text: str, limit: int) -> str:
    """Returns the text in at most `limit` bytes of UTF-8; an ellipsis stands for what was cut off.

    Lone surrogates become `?` and NUL becomes a space, because databases store neither.
    """
    encoded = text.replace("\x00", " ").encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - len(ELLIPSIS.encode())].decode(errors="ignore") + ELLIPSIS
