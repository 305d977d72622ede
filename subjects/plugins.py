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
    for each in list_plugins(group):
        found.setdefault(each.name, each)
    return dict(sorted(found.items()))


def list_plugins(group: str) -> list[EntryPoint]:
    """Returns all entry points of a group, our own first, then by the name of their distribution.

    A name may stand there more than once; a declaration that is found twice, as on a path with repetitions, does not.
    """
    others = sorted((each for each in entry_points(group=group) if not _is_ours(each)), key=package_of)
    once = {(each.name, each.value, package_of(each)): each for each in (*_own(group), *others)}
    return list(once.values())


def load_plugin(group: str, name: str) -> Any:
    """Imports the object of that name. Raises UnknownPlugin, or BrokenPlugin where its import fails."""
    found = find_plugins(group)
    if name not in found:
        raise UnknownPlugin(group, name, tuple(found))
    return load(found[name])


def load(entry_point: EntryPoint) -> Any:
    """Imports the object that an entry point names. Raises BrokenPlugin where that fails."""
    try:
        return entry_point.load()
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        origin = f" of the package {package_of(entry_point)}" if entry_point.dist is not None else ""
        why = f"{type(error).__name__}: {error}"
        raise BrokenPlugin(f"{entry_point.name!r}{origin} cannot be imported: {why}") from error


def _own(group: str) -> list[EntryPoint]:
    try:
        return [each for each in distribution(DISTRIBUTION).entry_points if each.group == group]
    except PackageNotFoundError:
        declared = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"].get("entry-points", {})
        return [EntryPoint(name, value, group) for name, value in declared.get(group, {}).items()]


def package_of(entry_point: EntryPoint) -> str:
    """The name of the distribution that declares it; our own, where that was read from the source tree."""
    return DISTRIBUTION if entry_point.dist is None else entry_point.dist.name


def _is_ours(entry_point: EntryPoint) -> bool:
    return package_of(entry_point) == DISTRIBUTION
