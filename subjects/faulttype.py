"""The base of faults: each type is one object that plans, injects, recognises and reverts one way to break a subject.

A fault type is in a file of its own under `subjects/faults/`, or in another package. A subject offers it by listing it
and by how it draws its targets; a plug-in (`subjects/plugins.py`) adds it to an existing subject.

Three rules hold for every type. `plan` changes nothing. `is_reverted` and `revert` use the record alone, also one that
an earlier process wrote, and also where the fault was never applied. Every request that changes something takes a
permit (`subjects/permits.py`), which the guard (`subjects/guard.py`) checks when it is sent.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from subjects.cluster import Cluster, ClusterError, Pod
from subjects.errors import ChaosRefused, SubjectError
from subjects.fault import Fault, Json, Target
from subjects.permits import Voters


class Params(BaseModel):
    """Base of all parameters: camelCase in the spec, unknown names are refused, and no value is converted.

    They are strict because campaigns are compared by their specs: `"1"` and `1` would be the same and look different.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", strict=True)


class CountParams(Params):
    """The parameter `count`: how many members are hit at once, all in the same way.

    The engine refuses more than a minority of a quorum unless the campaign allows it.
    """

    count: int = Field(1, ge=1, le=99)


def target_count(params: BaseModel) -> int:
    """Returns how many members the parameters ask for: one, where they have no `count`."""
    return params.count if isinstance(params, CountParams) else 1


@dataclass(frozen=True, slots=True)
class FaultContext:
    """The namespace and the members of one role in it that a fault acts on.

    `selector` is the label selector of the members' pods, `container` the name of the container with the member's
    program. `images` names helper images by role, as `SubjectContext` has them. `now` is the one clock, in UTC.
    """

    cluster: Cluster
    namespace: str
    now: Callable[[], datetime]
    selector: str
    container: str = ""
    images: Mapping[str, str] = field(default_factory=dict)

    async def list_pods(self) -> Mapping[str, Pod]:
        """Returns the members' pods, by name. Raises SubjectError where they may not be listed."""
        try:
            return await self.cluster.list_pods(self.namespace, self.selector)
        except ClusterError as error:
            raise SubjectError(f"the pods in namespace {self.namespace} cannot be listed: {error}") from error


@dataclass(frozen=True, slots=True)
class ChaosType:
    """One type of chaos that a subject offers. `params` validates `spec.chaos.params` and supplies the defaults.

    `heals_itself` says whether the subject is expected to recover by itself (None: that depends), and `reverted_by`
    completes "it stays until ...".
    """

    name: str
    description: str
    params: type[BaseModel]
    heals_itself: bool | None = None
    reverted_by: str = ""


def _no_facts(name: str) -> Mapping[str, Json]:
    return {}


def _no_note(facts: Mapping[str, Json]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The members among which a fault draws its targets.

    `names` are those that may be hit, `pods` all pods of the role as they are now, `known_images` the images that pods
    had when the subject was last healthy (by uid, see `subjects/images.py`). `facts` returns what the record keeps of
    a target; it raises ChaosRefused where that is unknown. `note` turns these facts into the end of a sentence on the
    target, such as ", which led 3 of 10 regions".
    """

    names: Sequence[str]
    pods: Mapping[str, Pod]
    known_images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    facts: Callable[[str], Mapping[str, Json]] = _no_facts
    note: Callable[[Mapping[str, Json]], str] = _no_note


class FaultType(ABC):
    """One way to break a subject, under the name that `spec.chaos.type` gives it.

    `params` validates `spec.chaos.params` and supplies the defaults. `description` is one line for a list of types.
    `subjects` and `role` matter where a plug-in adds the type: to which types of subjects (`*`: to all), and which
    members it hits, in the subject's own words (empty: its main ones). `takes_members` says whether a target counts as
    lost for the quorum. `reverted_by` completes "it stays until ...", and `heals_itself` says whether that happens by
    itself (None: that depends).
    """

    subjects: ClassVar[Collection[str]] = ()
    role: ClassVar[str] = ""
    takes_members: ClassVar[bool] = True
    heals_itself: ClassVar[bool | None] = None
    reverted_by: ClassVar[str] = ""

    def __init__(self, name: str, description: str, params: type[BaseModel]) -> None:
        self.name = name
        self.description = description
        self.params = params

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        """Returns a clause in the past tense on what was done to one target. Pure."""
        return f"{self.name} was done to {target.name}"

    @property
    def chaos_type(self) -> ChaosType:
        """The description of this type that a subject returns from `EvalSubject.get_chaos_types`."""
        return ChaosType(self.name, self.description, self.params, self.heals_itself, self.reverted_by)

    def planned(
        self,
        targets: Sequence[Target],
        params: BaseModel,
        undo: Mapping[str, Json],
        note: Callable[[Mapping[str, Json]], str] = _no_note,
    ) -> Fault:
        """Returns the fault for these targets, with the sentences that its record keeps. Pure."""
        effective = params.model_dump(by_alias=True)
        happened = "; ".join(self.happened(target, effective) + note(target.facts) for target in targets)
        return Fault(self.name, tuple(targets), effective, undo, happened, self.reverted_by, self.heals_itself)

    @abstractmethod
    async def plan(self, context: FaultContext, candidates: Candidates, params: BaseModel, rng: Random) -> Fault:
        """Draws the targets with `rng` alone, and returns all that is needed to apply the fault and to revert it.

        Changes nothing. Raises ChaosRefused where a target is not as it should be, SubjectError where something that
        the fault needs is missing.
        """

    @abstractmethod
    async def inject(self, context: FaultContext, fault: Fault, voters: Voters | None) -> datetime:
        """Applies the plan, guarded by the uids, and returns when the accepted request was sent (UTC).

        Raises ChaosRefused where it was definitely applied to none of its targets. After any other exception the caller
        must treat the fault as possibly applied.
        """

    @abstractmethod
    async def is_reverted(self, context: FaultContext, fault: Fault) -> bool:
        """Returns whether nothing of the fault is left, by its record alone. True also where it was never applied."""

    @abstractmethod
    async def revert(self, context: FaultContext, fault: Fault) -> None:
        """Sends the requests that revert the fault, where needed. It is called until `is_reverted`, and never waits."""


F = TypeVar("F")


def fault_named(subject: str, offered: Mapping[str, F], name: str) -> F:
    """Returns the offered fault of that name. Raises SubjectError, with the names there are, for another."""
    if name not in offered:
        raise SubjectError(f"{subject} has no chaos {name!r}; there are: {', '.join(sorted(offered))}")
    return offered[name]


async def revert_fully(fault_type: FaultType, context: FaultContext, fault: Fault, period: float) -> None:
    """Reverts the fault; returns when nothing of it is left, checked every `period` seconds. It has no time limit."""
    while not await fault_type.is_reverted(context, fault):
        await fault_type.revert(context, fault)
        await asyncio.sleep(period)


def require_applied(fault: Fault, results: Sequence[BaseException | None]) -> None:
    """Returns where every target's request was accepted; else raises the error for the fault as a whole.

    `results` has the result of each target's request, in their order: None, or the exception. A request that the guard
    refused was not sent, which is as definite as a refusal by the API server.
    """
    errors = {target.name: error for target, error in zip(fault.targets, results, strict=True) if error is not None}
    for name, error in errors.items():
        if isinstance(error, ChaosRefused):
            continue
        if not isinstance(error, ClusterError):
            raise error
        if not 400 <= error.status < 500:
            raise SubjectError(f"{name} may have been broken or not: {error} (HTTP {error.status})") from error
    reasons = "; ".join(dict.fromkeys(_reason(name, error) for name, error in errors.items()))
    if len(errors) == len(results):
        raise ChaosRefused(reasons)
    if errors:
        broken = ", ".join(target.name for target in fault.targets if target.name not in errors)
        raise SubjectError(f"only {broken} of {fault.names} could be broken: {reasons}")


def _reason(name: str, error: BaseException) -> str:
    if isinstance(error, ClusterError):
        return f"{name} was left alone: {error} (HTTP {error.status})"
    return str(error)
