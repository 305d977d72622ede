"""The chaos TiKV offers, by name, and how each finds its target. A new type is a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from subjects.podchaos.base import CountParams, PodChaos, count
from subjects.podchaos.down import PodDown
from subjects.podchaos.kill import CountedKillParams, KillParams, PodKill
from subjects.protocol import ChaosRefused, ChaosType, Json
from subjects.tikv.leadership import Leadership
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.queries import PD, TIKV

CONTAINER = "tikv"

Leaders = Literal["any", "most", "none"]


class NodeDownParams(CountParams):
    """`leaders`: whether the target is `any` store, one that leads the `most` regions, or one that leads `none`.

    Where leaders sit at that moment decides whether clients notice: a store that leads nothing is missed by nobody.
    Of several, all lead none, or no other leads more than one of them.
    """

    leaders: Leaders = "any"


class NodeKillParams(KillParams, NodeDownParams):
    """As `node_down` and `pd_kill` have them."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The members among which the target is drawn, and what the record keeps of the one that it is."""

    candidates: Sequence[str]
    facts: Callable[[str], Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Aimed:
    """A type of pod chaos, in which StatefulSet it finds its target, and how.

    `aim` asks PD and touches nothing. It is given the names of the pods that should exist, and the parameters.
    """

    chaos: PodChaos
    role: str
    aim: Callable[[Pd, Sequence[str], BaseModel], Awaitable[Aim]]


async def at_a_store(pd: Pd, pods: Sequence[str], params: BaseModel) -> Aim:
    """A store, chosen by where leaders sit now. PdUnavailable where PD does not tell."""
    assert isinstance(params, NodeDownParams)
    seen = Leadership.of(await pd.stores(), await pd.regions())
    return Aim(seen.among(pods, params.leaders, count(params)), seen.facts)


async def at_a_member(pd: Pd, pods: Sequence[str], params: BaseModel) -> Aim:
    """Any member of PD. PdUnavailable where PD does not tell who leads."""
    leader = (await pd.members()).leader
    return Aim(pods, lambda pod: {"led": leader is not None and leader.pod == pod})


async def at_the_leader(pd: Pd, pods: Sequence[str], params: BaseModel) -> Aim:
    """PD's leader. Without one PD does not answer at all, so that is a refusal too."""
    try:
        leader = (await pd.members()).leader
    except PdUnavailable as error:
        raise ChaosRefused(f"PD names no leader: {error}") from error
    if leader is None:
        raise ChaosRefused("PD has no leader")
    if leader.pod not in pods:
        raise ChaosRefused(f"PD's leader {leader.name} is none of the pods that PD should have: {', '.join(pods)}")
    return Aim((leader.pod,), lambda pod: {"led": True})


_KILLED = "deleted; Kubernetes makes it anew with the same volume"

NODE_KILL = PodKill(ChaosType("node_kill", f"the pod of random stores is {_KILLED}", NodeKillParams))
NODE_DOWN = PodDown(
    ChaosType("node_down", "random stores stay down until somebody deletes their pods", NodeDownParams), CONTAINER
)
PD_KILL = PodKill(ChaosType("pd_kill", f"the pod of random PD members is {_KILLED}", CountedKillParams))
PD_LEADER_KILL = PodKill(ChaosType("pd_leader_kill", f"the pod of PD's leader is {_KILLED}", KillParams))

CHAOS: Mapping[str, Aimed] = {
    aimed.chaos.type.name: aimed
    for aimed in (
        Aimed(NODE_KILL, TIKV, at_a_store),
        Aimed(NODE_DOWN, TIKV, at_a_store),
        Aimed(PD_KILL, PD, at_a_member),
        Aimed(PD_LEADER_KILL, PD, at_the_leader),
    )
}
