"""What changed between two states: a pure function over JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller.jsontypes import Json

ABSENT = object()
"""Where one side has no value at all; null is a value."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """A path such as `pods[etcd-0].restarts`, and its value before and after; ABSENT where there was none."""

    path: str
    before: Json
    after: Json


def changes(before: Json, after: Json, path: str = "") -> Iterator[StateChange]:
    """The smallest places in which two JSON values differ, in the order of `before`, then what is new in `after`.

    Lists of objects that all have a name are compared by name, so that another order, or a member that left, does not
    make everything after it look changed; other lists are compared by position.
    """
    if isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), f"{path}.{key}" if path else str(key))
    elif before is ABSENT or after is ABSENT or before != after:
        yield StateChange(path, before, after)


def _of_lists(before: list[Json], after: list[Json], path: str) -> Iterator[StateChange]:
    old, new = _named(before), _named(after)
    if old is None or new is None:
        old, new = dict(enumerate(before)), dict(enumerate(after))
    for key in dict.fromkeys([*old, *new]):
        yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}[{key}]")


def _named(items: list[Json]) -> dict[Json, Json] | None:
    named = {item["name"]: item for item in items if isinstance(item, Mapping) and isinstance(item.get("name"), str)}
    return named if len(named) == len(items) else None
