"""Spreads the leaders of regions over the stores in a fixed way: region by region, to each store in turn.

Breaking a store that leads no region has no effect on clients. So trials are comparable only if leaders are where they
were at the start of the others. PD keeps the numbers of leaders even, but not which store leads which region, and may
move leaders at any time. So the exact assignment is tried for a while; after that, or with many regions, an even spread
is enough.
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
from subjects.tikv.members.schemas import Region, RegionStatus, StoreInfo, read
from subjects.watching.polling import PollSettings

MAX_EXACT_REGIONS = 100
"""Up to this number of regions, each is assigned to a store, and the store has to confirm that it leads it."""

EXACT_ATTEMPTS = 20
"""After this number of attempts an even spread is enough."""

MAX_TRANSFERS = 16
"""Transfers that are sent at once. PD carries them out concurrently; more would only wait in PD."""

LEADER_SCHEDULERS = ("evict-leader-scheduler", "grant-leader-scheduler")
"""Schedulers that people add for a time to move or keep leaders. Some versions append a store's id to the name."""

OPERATORS = "/pd/api/v1/operators"


def voters(region: Region) -> frozenset[int]:
    """Returns the stores with a replica of the region that may lead it."""
    return frozenset(peer.store_id for peer in region.peers if peer.role_name == "Voter")


def assign_leaders(regions: Sequence[Region], stores: Sequence[int]) -> dict[int, int]:
    """Returns, by region id, the id of the store that should lead it: each store in turn, again and again.

    Where that store holds no replica that may lead, it is the next store that does. A region without one is left out.
    """
    found: dict[int, int] = {}
    for index, region in enumerate(regions):
        able = voters(region)
        turn = (stores[(index + step) % len(stores)] for step in range(len(stores)))
        if (store := next((store for store in turn if store in able), None)) is not None:
            found[region.id] = store
    return found


def is_even(regions: Sequence[Region], stores: Sequence[int]) -> bool:
    """Returns whether these stores lead all regions, and their numbers differ by at most one."""
    led = Counter(region.led_by for region in regions)
    numbers = [led[store] for store in stores]
    return sum(numbers) == len(regions) and max(numbers) - min(numbers) <= 1


@dataclass(frozen=True, slots=True)
class LeaderView:
    """What PD reports: the regions ordered by id, the stores by pod, and the ids of the stores that should lead."""

    regions: Sequence[Region]
    by_pod: Mapping[str, StoreInfo]
    stores: Sequence[int]

    def replicated(self, replicas: int) -> bool:
        """Returns whether each region has `replicas` replicas, or one on each store where there are fewer stores."""
        return all(len(voters(region)) >= min(replicas, len(self.stores)) for region in self.regions)


async def spread_leaders(
    endpoints: Endpoints, pd: Pd, pods: Sequence[str], replicas: int, polling: PollSettings, report: Report = no_report
) -> None:
    """Moves the leaders; returns when they are where they should be.

    Waits without limit for PD, for every store, and until each region has `replicas` replicas: a new cluster begins
    with one of each region, which only that store can lead.
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
    """Returns what PD reports; None while there are no regions, or a pod has no store."""
    by_pod = (await pd.stores()).by_pod()
    regions = (await pd.regions()).by_id()
    if not regions or any(pod not in by_pod for pod in pods):
        return None
    return LeaderView(regions, by_pod, [by_pod[pod].store.id for pod in pods])


async def _describe_wait(pd: Pd, view: LeaderView | None, replicas: int) -> str:
    """Returns what is waited for. It names a scheduler that keeps leaders, which only its owner may remove."""
    if view is None:
        return "PD does not list a store for each pod, or no regions yet"
    if not view.replicated(replicas):
        return f"not each region has {replicas} replicas yet"
    holding = sorted(name for name in await pd.schedulers() if name.startswith(LEADER_SCHEDULERS))
    by = f"; PD's {', '.join(holding)} may hold them, which somebody added and has to remove" if holding else ""
    return f"the leaders of {len(view.regions)} regions are not spread over the stores yet{by}"


async def _transfer(pd: Pd, region: int, store: int) -> None:
    """Asks PD to transfer a leader. The next view shows whether it was done, so a refusal is ignored."""
    with suppress(PdRefused, PdUnavailable):
        await pd.post(OPERATORS, {"name": "transfer-leader", "region_id": region, "to_store_id": store})


async def _confirmed(
    endpoints: Endpoints, view: LeaderView, leader_of: Mapping[int, int], polling: PollSettings
) -> bool:
    """Returns whether every store confirms that it leads its regions: PD may still name one that lost leadership."""
    pods = await endpoints.tikv_pods()
    addresses = {store.store.id: (pods.get(name), store.status_port) for name, store in view.by_pod.items()}

    async def leads(region: int, store: int) -> bool:
        pod, port = addresses[store]
        if pod is None:
            return False
        result = await endpoints.query(region_status(region, port), pod, polling.timeout)
        status = read(RegionStatus, result.answer) if result.answer is not None else ""
        return isinstance(status, RegionStatus) and status.leads

    return all(await asyncio.gather(*(leads(region, store) for region, store in leader_of.items())))
