"""Finds what other packages add: subjects, faults and agent sources, by entry points.

An entry point is a name and an object, declared by a distribution in a group. This project declares its own subjects,
faults and agent sources in the same way, in pyproject.toml. It is often run from the source tree, without having been
installed; its declarations are then read from that file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any

DISTRIBUTION = "evalcampaign"
"""Our own. Its names cannot be taken by another distribution."""

_PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


class UnknownPlugin(LookupError):
    """Nothing of that name is installed. `names` are those that are."""

    def __init__(self, group: str, name: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} is none of {', '.join(names) or 'the installed ones, of which there are none'}")
        self.group = group
        self.name = name
        self.names = names


class BrokenPlugin(Exception):
    """The plug-in is installed and cannot be used; the text says which one and why."""


def find_plugins(group: str) -> Mapping[str, EntryPoint]:
    """Returns the entry points of a group by name, sorted. Nothing is imported.

    Where two distributions declare the same name, our own wins, then the one whose name comes first.
    """
    found: dict[str, EntryPoint] = {}
    others = sorted((each for each in entry_points(group=group) if not _is_ours(each)), key=_distribution)
    for each in (*_own(group), *others):
        found.setdefault(each.name, each)
    return dict(sorted(found.items()))


def load_plugin(group: str, name: str) -> Any:
    """Imports the object of that name. Raises UnknownPlugin, or BrokenPlugin where its import fails."""
    found = find_plugins(group)
    if name not in found:
        raise UnknownPlugin(group, name, tuple(found))
    entry_point = found[name]
    try:
        return entry_point.load()
    except Exception as error:  # the code of others may raise anything
        origin = f" of the package {_distribution(entry_point)}" if _distribution(entry_point) else ""
        raise BrokenPlugin(f"{name!r}{origin} cannot be imported: {type(error).__name__}: {error}") from error


def _own(group: str) -> list[EntryPoint]:
    try:
        return [each for each in distribution(DISTRIBUTION).entry_points if each.group == group]
    except PackageNotFoundError:
        declared = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"].get("entry-points", {})
        return [EntryPoint(name, value, group) for name, value in declared.get(group, {}).items()]


def _is_ours(entry_point: EntryPoint) -> bool:
    return _distribution(entry_point) == DISTRIBUTION


def _distribution(entry_point: EntryPoint) -> str:
    return "" if entry_point.dist is None else entry_point.dist.name
