"""The keys that the writing client uses. Pure."""

from __future__ import annotations

from subjects.tikv.members.schemas import Region

SUFFIX = b"\x00healthcheck"
"""Agents may read the whole store, so the name says nothing about an evaluation."""


def reserved_key(region: Region) -> bytes | None:
    """A key inside the region that nobody else uses; None where there is no room for one, or the bounds are no hex."""
    try:
        start, end = bytes.fromhex(region.start_key), bytes.fromhex(region.end_key)
    except ValueError:
        return None
    key = start + SUFFIX
    return key if not end or key < end else None
