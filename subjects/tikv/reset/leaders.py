"""Spreads the leaders of regions over the stores in a known way: one store after the other, in turn.

A store that leads nothing is missed by nobody, so trials that find leaders where the last one left them are not alike.
PD keeps numbers even but does not care which store leads what, and may move equals about for reasons of its own. So the
exact assignment is asked for a while, and after that, or where there are many regions, an even spread is enough.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from subjects.protocol import Report, no_report
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.pd import Pd, PdRefused, PdUnavailable
from subjects.tikv.members.queries import region_status
from subjects.tikv.members.schemas import Region, RegionStatus, Store, read
from subjects.watching.polling import PollSettings

MAX_EXACT_REGIONS = 100
"""Up to so many regions, each is assigned to a store, and its leader is asked whether it leads."""

EXACT_ATTEMPTS = 20
"""After so many attempts an even spread is enough."""

MAX_TRANSFERS = 16
"""PD carries out transfers side by side; more of them than this would only wait inside it."""

LEADER_SCHEDULERS = ("evict-leader-scheduler", "grant-leader-scheduler")
"""Schedulers that somebody adds for a while to move or keep leaders. Some versions append a store's id to the name."""

OPERATORS = "/pd/api/v1/operators"


def voters(region: Region) -> frozenset[int]:
    """The stores with a replica that could lead."""
    return frozenset(peer.store_id for peer in region.peers if peer.role_name == "Voter")


def assign_leaders(regions: Sequence[Region], stores: Sequence[int]) -> dict[int, int]:
    """Region id to the id of the store that should lead it: the i-th region the i-th store, round and round.

    Where that store holds no replica that could lead, the next in turn that does. A region without any is left out.
    """
    found: dict[int, int] = {}
    for index, region in enumerate(regions):
        able = voters(region)
        turn = (stores[(index + step) % len(stores)] for step in range(len(stores)))
        if (store := next((store for store in turn if store in able), None)) is not None:
            found[region.id] = store
    return found


def is_even(regions: Sequence[Region], stores: Sequence[int]) -> bool:
    """Whether these stores lead everything, and none of them over one region more than another."""
    led = Counter(region.led_by for region in regions)
    numbers = [led[store] for store in stores]
    return sum(numbers) == len(regions) and max(numbers) - min(numbers) <= 1


@dataclass(frozen=True, slots=True)
class LeaderView:
    """What PD reports: the regions by id, the stores by pod, and the ids of those that should lead, in turn."""

    regions: Sequence[Region]
    by_pod: Mapping[str, Store]
    stores: Sequence[int]

    def replicated(self, replicas: int) -> bool:
        """Whether each region has so many replicas, or one on each store where there are fewer stores."""
        return all(len(voters(region)) >= min(replicas, len(self.stores)) for region in self.regions)


async def spread_leaders(
    endpoints: Endpoints, pd: Pd, pods: Sequence[str], replicas: int, polling: PollSettings, report: Report = no_report
) -> None:
    """Move the leaders; return when they are where they should be.

    Waits without limit for PD, for every store, and until each region has as many `replicas` as it should: a new
    cluster begins with one of each, and its store would be the only place for a leader.
    """
    for attempt in count():
        with suppress(PdUnavailable):
            view = await _read_view(pd, pods)
            if view is not None and view.replicated(replicas):
                exact = len(view.regions) <= MAX_EXACT_REGIONS
                wanted = assign_leaders(view.regions, view.stores)
                misplaced = [region for region in view.regions if region.led_by != wanted.get(region.id)]
                if is_even(view.regions, view.stores) and (not exact or attempt >= EXACT_ATTEMPTS):
                    return
                if not misplaced and (not exact or await _confirmed(endpoints, view, wanted, polling)):
                    return
                for region in [region for region in misplaced if region.id in wanted][:MAX_TRANSFERS]:
                    await _transfer(pd, region.id, wanted[region.id])
            report(await _describe_wait(pd, view, replicas))
        await asyncio.sleep(polling.period)


async def _read_view(pd: Pd, pods: Sequence[str]) -> LeaderView | None:
    """None while there are no regions, or a pod has no store."""
    by_pod = (await pd.stores()).by_pod()
    regions = (await pd.regions()).by_id()
    if not regions or any(pod not in by_pod for pod in pods):
        return None
    return LeaderView(regions, by_pod, [by_pod[pod].store.id for pod in pods])


async def _describe_wait(pd: Pd, view: LeaderView | None, replicas: int) -> str:
    """What is waited for. A scheduler that keeps leaders where they are is named, for it is not ours to remove."""
    if view is None:
        return "PD does not list a store for each pod, or no regions yet"
    if not view.replicated(replicas):
        return f"not each region has {replicas} replicas yet"
    holding = sorted(name for name in await pd.schedulers() if name.startswith(LEADER_SCHEDULERS))
    by = f"; PD's {', '.join(holding)} may hold them, which somebody added and has to remove" if holding else ""
    return f"the leaders of {len(view.regions)} regions are not spread over the stores yet{by}"


async def _transfer(pd: Pd, region: int, store: int) -> None:
    """Ask PD for it. Whether it is done is seen when the view is read again, so a refusal needs no handling."""
    with suppress(PdRefused, PdUnavailable):
        await pd.post(OPERATORS, {"name": "transfer-leader", "region_id": region, "to_store_id": store})


async def _confirmed(endpoints: Endpoints, view: LeaderView, wanted: Mapping[int, int], polling: PollSettings) -> bool:
    """Whether every store says itself that it leads what it should: PD goes on naming one that lost leadership."""
    pods = await endpoints.tikv_pods()
    addresses = {store.store.id: (pods.get(name), store.status_port) for name, store in view.by_pod.items()}

    async def leads(region: int, store: int) -> bool:
        pod, port = addresses[store]
        if pod is None:
            return False
        result = await endpoints.query(region_status(region, port), pod, polling.timeout)
        status = read(RegionStatus, result.answer) if result.answer is not None else ""
        return isinstance(status, RegionStatus) and status.leads

    return all(await asyncio.gather(*(leads(region, store) for region, store in wanted.items())))
