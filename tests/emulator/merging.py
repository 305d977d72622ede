"""How a patch becomes an object: JSON merge patch and server-side apply, as pure functions."""

from __future__ import annotations

from typing import Any

Json = Any


def merged(old: Json, patch: Json) -> Json:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    old = _mapping(old)
    kept = {name: value for name, value in old.items() if name not in patch}
    return kept | {name: merged(old.get(name), value) for name, value in patch.items() if value is not None}


def applied(old: Json, before: Json, now: Json) -> Json:
    """Server-side apply by one manager: what it named before and does not name now goes, what it names now is set.

    A list whose items carry a `type` is a map by that key, as the CRD declares for conditions; other lists are atomic.
    """
    if _keyed(now):
        by_type = applied(_by_type(old), _by_type(before), _by_type(now))
        return list(by_type.values())
    if not isinstance(now, dict):
        return now
    old, before = _mapping(old), _mapping(before)
    kept = {name: value for name, value in old.items() if name not in now and name not in before}
    return kept | {name: applied(old.get(name), before.get(name), value) for name, value in now.items()}


def _keyed(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "type" in item for item in value)


def _by_type(value: Json) -> dict[str, Json]:
    return {item["type"]: item for item in value} if _keyed(value) else {}


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
