"""The faults that TiKV offers, by the name of their type of chaos, and how each selects its targets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from subjects.faults.pod_down import PodDown
from subjects.faults.pod_kill import CountedKillParams, KillParams, PodKill
from subjects.faulttype import CountParams, FaultType, target_count
from subjects.protocol import ChaosRefused, Json, Unsupported
from subjects.tikv.leadership import Leadership
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.queries import PD, ROLES, TIKV

Leaders = Literal["any", "most", "none"]


class NodeDownParams(CountParams):
    """The parameter `leaders`: the target is `any` store, one that leads the `most` regions, or one that leads `none`.

    The leaders decide whether clients notice: breaking a store that leads no region has no effect on them. Of several
    targets with `none`, none leads a region; with `most`, no other store leads more regions than one of them.
    """

    leaders: Leaders = "any"


class NodeKillParams(KillParams, NodeDownParams):
    """The parameters of `node_down` and of `pd_kill`."""


@dataclass(frozen=True, slots=True)
class TargetSelection:
    """The members among which the target is drawn, and what the record keeps of the target."""

    names: Sequence[str]
    facts: Callable[[str], Mapping[str, Json]]


Select = Callable[[Pd, Sequence[str], BaseModel], Awaitable[TargetSelection]]
"""Returns, for the pods that should exist and the parameters, the members that may be hit. Only reads from PD."""


@dataclass(frozen=True, slots=True)
class OfferedFault:
    """A fault that TiKV offers, the role of the members it hits (each is a StatefulSet), and how they are selected."""

    fault: FaultType
    role: str
    select: Select


async def select_stores(pd: Pd, pods: Sequence[str], params: BaseModel) -> TargetSelection:
    """Returns the stores to draw from, by the current leaders. Raises PdUnavailable where PD does not answer."""
    leaders: Leaders = params.leaders if isinstance(params, NodeDownParams) else "any"
    leadership = Leadership.of(await pd.stores(), await pd.regions())
    return TargetSelection(leadership.select(pods, leaders, target_count(params)), leadership.facts)


async def select_pd_members(pd: Pd, pods: Sequence[str], params: BaseModel) -> TargetSelection:
    """Returns all members of PD. Raises PdUnavailable where PD does not answer."""
    leader = (await pd.members()).leader
    return TargetSelection(pods, lambda pod: {"led": leader is not None and leader.pod == pod})


async def select_pd_leader(pd: Pd, pods: Sequence[str], params: BaseModel) -> TargetSelection:
    """Returns PD's leader. Raises ChaosRefused where PD names none, or does not answer."""
    try:
        leader = (await pd.members()).leader
    except PdUnavailable as error:
        raise ChaosRefused(f"PD names no leader: {error}") from error
    if leader is None:
        raise ChaosRefused("PD has no leader")
    if leader.pod not in pods:
        raise ChaosRefused(f"PD's leader {leader.name} is none of the pods that PD should have: {', '.join(pods)}")
    return TargetSelection((leader.pod,), lambda pod: {"led": True})


def leadership_note(facts: Mapping[str, Json]) -> str:
    """Returns the end of a sentence on a target, by the facts of its record: what it led before the fault."""
    if "ledRegions" in facts:
        return f", which led {facts['ledRegions']} of {facts.get('regions', '?')} regions"
    if "led" in facts:
        return ", which led PD" if facts["led"] else ", which did not lead PD"
    return ""


_KILLED = "deleted; Kubernetes makes it anew with the same volume"

OFFERED_FAULTS: Mapping[str, OfferedFault] = {
    offer.fault.name: offer
    for offer in (
        OfferedFault(
            PodKill("node_kill", f"the pod of random stores is {_KILLED}", NodeKillParams), TIKV, select_stores
        ),
        OfferedFault(
            PodDown("node_down", "random stores stay down until somebody deletes their pods", NodeDownParams),
            TIKV,
            select_stores,
        ),
        OfferedFault(
            PodKill("pd_kill", f"the pod of random PD members is {_KILLED}", CountedKillParams), PD, select_pd_members
        ),
        OfferedFault(
            PodKill("pd_leader_kill", f"the pod of PD's leader is {_KILLED}", KillParams), PD, select_pd_leader
        ),
    )
}


def offer_plugin(fault: FaultType) -> OfferedFault:
    """Returns the chaos type of a plug-in's fault, which hits stores unless it names a role.

    Raises Unsupported where there is no such role.
    """
    role = fault.role or TIKV
    if role not in ROLES:
        raise Unsupported(f"{fault.name} hits members in the role {role}, and tikv has: {', '.join(ROLES)}")
    return OfferedFault(fault, role, select_stores if role == TIKV else select_pd_members)
