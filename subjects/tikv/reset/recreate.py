"""A new beginning: both StatefulSets stopped, their claims deleted, and both started again.

The reasons: docs/decisions/012-recreate.md.

PD and the stores are emptied together or not at all: a store refuses to work for a PD that it does not know, and PD
refuses a store that comes back empty. So nothing is started before everything has stopped.

Whatever breaks this off, doing it again from the start ends well, as long as it is known how many members there should
be. While a StatefulSet is stopped, its claims tell: the last member's are the last to be deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from subjects import workloads
from subjects.cluster import Workload
from subjects.permits import Recreate
from subjects.pods import member_names, ordinal
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.queries import ROLES
from subjects.tikv.reset import boundaries
from subjects.tikv.reset.memory import Memory
from subjects.workloads import FEWEST_MEMBERS


def claimed(workload: Workload, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Those of the claims that belong to the StatefulSet, and the number of the member each is for."""
    for name in sorted(names):
        for claim in workload.claims:
            if (number := ordinal(f"{claim}-{workload.name}", name)) is not None:
                yield name, number


def intended(workload: Workload, claims: Iterable[str], remembered: int | None) -> int:
    """How many members there should be: as many as it has, or had, or has claims for; never fewer than can be."""
    if workload.replicas:
        return workload.replicas
    return remembered or max([FEWEST_MEMBERS, *(number + 1 for _, number in claimed(workload, claims))])


@dataclass(frozen=True, slots=True)
class Tier:
    """One StatefulSet, with as many replicas as it should have, and whether it was found stopped."""

    endpoints: Endpoints
    role: str
    workload: Workload
    stopped: bool

    @property
    def permit(self) -> Recreate:
        """What its emptying goes by."""
        return Recreate(self.workload.name, self.workload.claims)

    async def scale(self, replicas: int) -> None:
        """Ask for so many members."""
        await workloads.scale(self.endpoints.context, self.permit, replicas)

    async def has_pods(self) -> bool:
        """Whether a member's pod is left. Others that bear the label do not count."""
        return any(ordinal(self.workload.name, name) is not None for name in await self.endpoints.pods(self.role))

    async def delete_claims(self, period: float, spared: Container[int] = ()) -> None:
        """Delete all claims but those of the members `spared`; return when they are gone."""
        while True:
            claims = claimed(self.workload, await self.endpoints.claims(self.role))
            if not (doomed := [name for name, number in claims if number not in spared]):
                return
            for name in doomed:
                await workloads.delete_claim(self.endpoints.context, self.permit, name)
            await asyncio.sleep(period)


async def recreate(endpoints: Endpoints, pd: Pd, memory: Memory, period: float) -> None:
    """Empty the system, and return when PD and all stores are back, with regions split as they were.

    Looks each `period` seconds and never gives up by itself. SubjectError where Kubernetes refuses something.
    """
    found = await endpoints.find(stopped_too=True)
    if memory.boundaries is None and found.pd.replicas:
        memory.boundaries = await boundaries.learn(pd, period)
    tiers = [await _tier(endpoints, role, found.of(role), memory) for role in ROLES]
    memory.cluster_id = memory.before = memory.after = None
    await _stop(tiers, period)
    await _empty_and_start(tiers, period)
    await _wait_until_back(pd, Topology(*(tier.workload for tier in tiers)), period)
    await boundaries.split(pd, memory.boundaries or (), period)


async def _tier(endpoints: Endpoints, role: str, found: Workload, memory: Memory) -> Tier:
    members = intended(found, await endpoints.claims(role), memory.replicas.get(role))
    memory.replicas[role] = members
    return Tier(endpoints, role, replace(found, replicas=members), stopped=found.replicas == 0)


async def _stop(tiers: Sequence[Tier], period: float) -> None:
    """Return when no pod of either is left. Claims of members that no longer are would tell a wrong number: they go."""
    for tier in tiers:
        if not tier.stopped:
            await tier.delete_claims(period, spared=range(tier.workload.replicas))
    for tier in tiers:
        await tier.scale(0)
    while True:
        if not any([await tier.has_pods() for tier in tiers]):
            return
        await asyncio.sleep(period)


async def _empty_and_start(tiers: Sequence[Tier], period: float) -> None:
    """The last member's claims go when nothing else is left to do but to start, and that follows at once."""
    for tier in tiers:
        await tier.delete_claims(period, spared=(tier.workload.replicas - 1,))
    for tier in tiers:
        await tier.delete_claims(period / 10)
        await tier.scale(tier.workload.replicas)


async def _wait_until_back(pd: Pd, topology: Topology, period: float) -> None:
    while True:
        try:
            members = {member.pod for member in (await pd.members()).members}
            stores = (await pd.stores()).by_pod()
        except PdUnavailable:
            members, stores = set(), {}
        if members == set(member_names(topology.pd)) and all(
            name in stores and stores[name].up for name in member_names(topology.tikv)
        ):
            return
        await asyncio.sleep(period)
