"""Finds the subjects and faults of this and of other packages, and checks them when they are first needed.

A package adds a subject by an entry point in the group `evalcampaign.subjects` that names a `SubjectFactory`, and a
fault for a subject that exists by one in `evalcampaign.faults` that names a `FaultType`. One that cannot be used is
refused with a sentence and does not stop the others. How to write one: docs/subjects/plugins.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, cast

from subjects.cluster import Cluster
from subjects.faulttype import ChaosType, FaultType
from subjects.plugins import BrokenPlugin, list_plugins, load, package_of
from subjects.protocol import EvalSubject, SubjectContext, SubjectFactory

SUBJECTS = "evalcampaign.subjects"
FAULTS = "evalcampaign.faults"

NAME = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
"""The names that `spec.subject.type`, `spec.chaos.type` and the labels of metrics can hold."""

METHODS = tuple(name for name in vars(EvalSubject) if not name.startswith("_"))


@dataclass(frozen=True, slots=True)
class RefusedPlugin:
    """An installed plug-in that is not used: its group, its name, its package, and why, in a sentence."""

    group: str
    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        kind = "subject" if self.group == SUBJECTS else "fault"
        return f"the {kind} {self.name} of the package {self.package} is not used: {self.reason}"


@dataclass(frozen=True, slots=True)
class Registry:
    """The subjects by type, each with the faults that plug-ins add to it; the package of each; the refused plug-ins."""

    subjects: Mapping[str, SubjectFactory]
    packages: Mapping[str, str]
    refused: tuple[RefusedPlugin, ...]

    def refusals_of_subject(self, name: str) -> list[RefusedPlugin]:
        """Returns the installed plug-ins that would be a subject of this name and are not used."""
        return [each for each in self.refused if each.group == SUBJECTS and each.name == name]


class _Refused(Exception):
    """The plug-in is not used; the text says why."""


@cache
def installed() -> Registry:
    """Returns the registry of all installed plug-ins. Imports each of them once; raises nothing that they raise."""
    return find(list_plugins(SUBJECTS), list_plugins(FAULTS))


def find(subjects: list[EntryPoint], faults: list[EntryPoint]) -> Registry:
    """Returns the registry of these entry points; of two with the same name, the first is used."""
    factories: dict[str, SubjectFactory] = {}
    packages: dict[str, str] = {}
    refused: list[RefusedPlugin] = []
    for entry_point in subjects:
        name, package = entry_point.name, package_of(entry_point)
        try:
            if name in factories:
                raise _Refused(f"the package {packages[name]} has a subject of this name")
            factories[name], packages[name] = _subject(entry_point), package
        except _Refused as why:
            refused.append(RefusedPlugin(SUBJECTS, name, package, str(why)))
    for entry_point in faults:
        try:
            fault = _fault(entry_point)
            problems = list(_add(fault, factories))
        except _Refused as why:
            problems = [str(why)]
        refused += (RefusedPlugin(FAULTS, entry_point.name, package_of(entry_point), why) for why in problems)
    return Registry(dict(sorted(factories.items())), packages, tuple(refused))


def offered(factory: SubjectFactory) -> Mapping[str, ChaosType]:
    """Returns the types of chaos that a subject offers with default options. Sends no request."""
    nowhere = cast(Cluster, None)
    return factory(SubjectContext(nowhere, "nowhere", lambda: datetime.now(UTC))).get_chaos_types()


def _loaded(entry_point: EntryPoint) -> Any:
    if not NAME.fullmatch(entry_point.name):
        raise _Refused("a name has at most 63 letters, digits, dashes, dots and underscores")
    try:
        return load(entry_point)
    except BrokenPlugin as broken:
        error = broken.__cause__
        raise _Refused(f"it cannot be imported: {type(error).__name__}: {error}") from broken


def _subject(entry_point: EntryPoint) -> SubjectFactory:
    factory = _loaded(entry_point)
    if not callable(factory):
        raise _Refused(f"{entry_point.value} is of type {_type(factory)}, not a SubjectFactory")
    _check_offered(factory)
    return cast(SubjectFactory, factory)


def _check_offered(factory: Callable[[SubjectContext], Any]) -> Mapping[str, ChaosType]:
    """Returns what the factory's subject offers. Raises _Refused where it is no subject or offers no types of chaos."""
    try:
        subject = factory(SubjectContext(cast(Cluster, None), "nowhere", lambda: datetime.now(UTC)))
        if missing := [name for name in METHODS if not callable(getattr(subject, name, None))]:
            raise _Refused(
                f"it makes an object of type {_type(subject)}, not an EvalSubject: that lacks {', '.join(missing)}"
            )
        types = subject.get_chaos_types()
        if not all(isinstance(each, ChaosType) for each in types.values()):
            raise _Refused("get_chaos_types() does not return ChaosTypes by name")
    except _Refused:
        raise
    except Exception as error:  # the code of others may raise anything
        raise _Refused(f"it cannot be asked what it offers: {type(error).__name__}: {error}") from error
    return cast(Mapping[str, ChaosType], types)


def _fault(entry_point: EntryPoint) -> FaultType:
    fault = _loaded(entry_point)
    if not isinstance(fault, FaultType):
        raise _Refused(f"{entry_point.value} is of type {_type(fault)}, not a FaultType")
    if fault.name != entry_point.name:
        raise _Refused(f"the fault calls itself {fault.name}")
    if not fault.subjects:
        raise _Refused("it names no subject that it is for")
    return fault


def _add(fault: FaultType, factories: dict[str, SubjectFactory]) -> Iterator[str]:
    """Adds the fault to the subjects that it is for; yields, for each that it cannot be added to, the reason."""
    for name in factories if "*" in fault.subjects else fault.subjects:
        if name not in factories:
            yield f"there is no subject {name}; there are: {', '.join(sorted(factories))}"
            continue
        if fault.name in offered(factories[name]):
            yield f"{name} has a fault of this name already"
            continue
        with_fault = _with_fault(factories[name], fault)
        try:
            types = _check_offered(with_fault)
        except _Refused as why:
            yield f"{name} does not take it: {why}"
            continue
        if fault.name not in types:
            yield f"{name} takes no faults from plug-ins"
            continue
        factories[name] = with_fault


def _with_fault(factory: SubjectFactory, fault: FaultType) -> SubjectFactory:
    def make(context: SubjectContext) -> EvalSubject:
        return factory(replace(context, faults={fault.name: fault, **context.faults}))

    return make


def _type(thing: object) -> str:
    return type(thing).__name__
