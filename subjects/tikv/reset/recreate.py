"""Empties TiKV: both StatefulSets are stopped, their claims deleted, and both started again.

The reasons: docs/decisions/012-recreate.md.

PD and the stores are emptied together: a store refuses to work with a PD that it does not know, and PD refuses a store
that comes back empty. So both StatefulSets are stopped before one is started.

After an interruption it can be repeated from the start, if the intended number of members is known. While a StatefulSet
is stopped, its claims show that number, because the claims of the last member are deleted last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from subjects import workloads
from subjects.cluster import Workload
from subjects.permits import RecreatePermit
from subjects.pods import member_names, ordinal
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.queries import ROLES
from subjects.tikv.members.schemas import Regions
from subjects.tikv.reset.reset import KnownState
from subjects.workloads import MIN_MEMBERS

SPLIT = "/pd/api/v1/regions/split"

SPLIT_TIMEOUT_SECONDS = 15.0
"""PD answers a split when it is done, or after its own retries."""

KEYS_AT_ONCE = 50

MAX_READS = 20
"""Periods to wait for a PD that does not answer. It may be broken for good, which recreating repairs."""


def member_claims(workload: Workload, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yields the claims that belong to the StatefulSet, each with the ordinal of its member."""
    for name in sorted(names):
        for claim in workload.claims:
            if (number := ordinal(f"{claim}-{workload.name}", name)) is not None:
                yield name, number


def intended_members(workload: Workload, claims: Iterable[str], known: int | None) -> int:
    """Returns the intended number of members: its replicas, else `known`, else what its claims show."""
    if workload.replicas:
        return workload.replicas
    return known or max([MIN_MEMBERS, *(number + 1 for _, number in member_claims(workload, claims))])


@dataclass(frozen=True, slots=True)
class Tier:
    """One StatefulSet with the replicas that it should have, and whether it was found stopped."""

    endpoints: Endpoints
    role: str
    workload: Workload
    stopped: bool

    @property
    def permit(self) -> RecreatePermit:
        """The permit for emptying it."""
        return RecreatePermit(self.workload.name, self.workload.claims)

    async def scale(self, replicas: int) -> None:
        """Scales the StatefulSet to this number of members."""
        await workloads.scale(self.endpoints.context, self.permit, replicas)

    async def has_pods(self) -> bool:
        """Returns whether a member's pod is left. Other pods with the label do not count."""
        return any(ordinal(self.workload.name, name) is not None for name in await self.endpoints.pods(self.role))

    async def delete_claims(self, period: float, keep: Container[int] = ()) -> None:
        """Deletes all claims except those of the members `keep`; returns when they are gone."""
        while True:
            claims = member_claims(self.workload, await self.endpoints.claims(self.role))
            if not (rest := [name for name, number in claims if number not in keep]):
                return
            for name in rest:
                await workloads.delete_claim(self.endpoints.context, self.permit, name)
            await asyncio.sleep(period)


async def recreate(endpoints: Endpoints, pd: Pd, known: KnownState, period: float) -> None:
    """Empties the system, and returns when PD and all stores are back, with regions split as before.

    Polls every `period` seconds without a time limit. Raises SubjectError where Kubernetes refuses a request.
    """
    found = await endpoints.find(stopped_too=True)
    if known.split_keys is None and found.pd.replicas:
        known.split_keys = await read_split_keys(pd, period)
    tiers = [await _tier(endpoints, role, found.of(role), known) for role in ROLES]
    known.cluster_id = known.before = known.after = None
    await _stop(tiers, period)
    await _empty_and_start(tiers, period)
    await _wait_until_back(pd, Topology(*(tier.workload for tier in tiers)), period)
    await split_regions(pd, known.split_keys or (), period)


async def _tier(endpoints: Endpoints, role: str, workload: Workload, known: KnownState) -> Tier:
    members = intended_members(workload, await endpoints.claims(role), known.replicas.get(role))
    known.replicas[role] = members
    return Tier(endpoints, role, replace(workload, replicas=members), stopped=workload.replicas == 0)


async def _stop(tiers: Sequence[Tier], period: float) -> None:
    """Stops both; returns when no pod is left. Deletes claims of former members, which would count as members."""
    for tier in tiers:
        if not tier.stopped:
            await tier.delete_claims(period, keep=range(tier.workload.replicas))
    for tier in tiers:
        await tier.scale(0)
    while True:
        if not any([await tier.has_pods() for tier in tiers]):
            return
        await asyncio.sleep(period)


async def _empty_and_start(tiers: Sequence[Tier], period: float) -> None:
    """Deletes all claims, the last member's just before the start, and starts both."""
    for tier in tiers:
        await tier.delete_claims(period, keep=(tier.workload.replicas - 1,))
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


# Where regions begin -------------------------------------------------------------------------------------------------


def split_keys_of(regions: Regions) -> tuple[str, ...]:
    """Returns the first key of every region (hex), without the first region, which has none."""
    return tuple(sorted({region.start_key.upper() for region in regions.by_id()} - {""}))


async def read_split_keys(pd: Pd, period: float) -> tuple[str, ...] | None:
    """Returns the split keys; None where PD does not answer for `MAX_READS` times `period` seconds."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + MAX_READS * period
    while True:
        with suppress(PdUnavailable):
            return split_keys_of(await pd.regions())
        if clock() > deadline:
            return None
        await asyncio.sleep(period)


async def split_regions(pd: Pd, keys: Sequence[str], period: float) -> None:
    """Splits regions; returns when regions begin at all these keys. Raises PdRefused where PD refuses them."""
    while True:
        with suppress(PdUnavailable):
            there = set(split_keys_of(await pd.regions()))
            if not (missing := [key for key in keys if key not in there]):
                return
            body = {"split_keys": missing[:KEYS_AT_ONCE], "retry_limit": 3}
            await pd.post(SPLIT, body, timeout=SPLIT_TIMEOUT_SECONDS)
        await asyncio.sleep(period)
