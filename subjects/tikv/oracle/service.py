"""Whether clients are served, region by region. Pure.

Without a writing client, a region counts as led only if the store that PD names says so itself: after kills, freezes
and the loss of a quorum this agreed with a writing client within one poll, where Ready pods and PD's `Up` were wrong by
eight seconds and more. It is blind to one thing: a leader that is cut off from the others goes on believing in itself,
for 12 to 19 seconds. With a writing client its answers decide, for they are what service means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from subjects.cluster import Pod
from subjects.protocol import Problem
from subjects.tikv.members.queries import STATUS_PORT, TIKV, Query, region
from subjects.tikv.members.schemas import Region, RegionStatus, Store, Stores
from subjects.tikv.oracle.observations import Observations
from subjects.tikv.oracle.redundancy import silent_stores

SHOWN = 5
"""So many region ids are named in a sentence."""


@dataclass(slots=True)
class Tally:
    """Region ids by what is known of them: served, not served (with the reasons seen), or open.

    `since`: when the oldest of the questions was asked that showed a region not to be served (monotonic seconds).
    """

    served: list[int] = field(default_factory=list)
    unserved: dict[int, str] = field(default_factory=dict)
    open: dict[int, str] = field(default_factory=dict)
    since: float | None = None

    @property
    def verdict(self) -> bool | None:
        """True, False, or None where it is not known of every region."""
        if self.unserved:
            return False
        return None if self.open or not self.served else True

    def record(self, region_id: int, served: bool | None, why: str, sent_at: float | None = None) -> None:
        """What is known of one region, by a question that was sent_at then."""
        if served is None:
            self.open[region_id] = why
        elif served:
            self.served.append(region_id)
        else:
            self.unserved[region_id] = why
            if sent_at is not None:
                self.since = sent_at if self.since is None else min(self.since, sent_at)

    def problem(self, reason: str, what: str) -> Problem | None:
        """One sentence about the regions that are not served, if any."""
        if not self.unserved:
            return None
        total = len(self.served) + len(self.unserved) + len(self.open)
        named = ", ".join(map(str, sorted(self.unserved)[:SHOWN]))
        more = ", …" if len(self.unserved) > SHOWN else ""
        why = "; ".join(sorted(set(self.unserved.values()))[:SHOWN])
        return Problem(reason, f"{len(self.unserved)} of {total} regions {what} ({named}{more}): {why}")


def store_hosts(stores: Stores) -> dict[int, Store]:
    """The stores by id."""
    return {each.store.id: each for each in stores.stores}


def leader_pod(region: Region, stores: Mapping[int, Store], pods: Mapping[str, Pod]) -> tuple[Pod, Query] | str:
    """The pod that PD's word makes the region's leader and the question for it, or why there is none to be asked."""
    if region.led_by is None:
        return "PD knows no leader"
    store = stores.get(region.led_by)
    pod = pods.get(store.host) if store is not None else None
    if store is None or pod is None:
        return f"PD names a leader that is not there ({store.host if store else f'store {region.led_by}'})"
    return pod, region_query(region.id, store)


def region_query(region_id: int, store: Store) -> Query:
    """The question about a region, on the store's own status port."""
    port = store.store.status_address.rpartition(":")[2]
    return region(region_id, int(port) if port.isdecimal() and 0 < int(port) < 65536 else STATUS_PORT)


def confirmed(observations: Observations, stores: Stores, regions: Sequence[Region]) -> Tally:
    """Which regions are led by the store that PD names, by that store's own word."""
    tally, by_id, pods, silent = Tally(), store_hosts(stores), observations.present(TIKV), silent_stores(observations)
    for each in regions:
        asked = leader_pod(each, by_id, pods)
        if isinstance(asked, str):
            tally.record(each.id, False, asked)
            continue
        pod, query = asked
        result = observations.confirmation(pod.uid, query)
        if pod.name in silent:
            tally.record(each.id, False, f"{pod.name} does not answer", silent[pod.name].sent_at)
        elif result is None:
            tally.record(each.id, None, f"{pod.name} has not answered yet")
        elif result.answer is None:
            tally.record(each.id, False, f"{pod.name} does not answer", result.sent_at)
        elif result.answer.status == 404:
            tally.record(each.id, False, f"{pod.name} does not have it", result.sent_at)
        elif isinstance(status := observations.value(RegionStatus, result), str):
            tally.record(each.id, None, f"{pod.name}: {status}")
        else:
            tally.record(each.id, status.leads, f"{pod.name} does not lead it", result.sent_at)
    return tally


def written(observations: Observations) -> Tally:
    """Which regions took the newest write that was tried."""
    tally = Tally()
    for region_id, write in (observations.writes or {}).items():
        if write is None:
            tally.record(region_id, None, "no write has ended yet")
        else:
            tally.record(region_id, write.error is None, write.error or "", write.sent_at)
    return tally
