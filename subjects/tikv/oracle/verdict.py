"""Assesses the observations of pods, PD and stores: serving, healthy and every unmet condition. Pure.

*Serving*: clients are served, region by region. While PD has no leader, clients go on with what they know: then only a
writing client can find out whether they are served, and without one it is unknown.

*Healthy*: serving, and full redundancy: every pod present, staying, Ready and with the image that it had; PD with a
leader and exactly the expected members, reachable, still the same cluster; exactly one store `Up`, with a recent
heartbeat, on every expected address; every region confirmed by its leader, with all its voters, none of them pending,
down or still learning.

*Unknown* is only what our own view lost: the API server; or all of PD over HTTP, while Kubernetes calls all its pods
Ready; or answers that cannot be read; and, for an instant, results that are still on their way. A member of PD that is
missing or not Ready is the subject's trouble: else an agent that destroys PD would leave the denominator.

Without a writing client, a region counts as led only if the store that PD names confirms it. After kills, freezes and
the loss of a quorum this agreed with a writing client within one poll, where Ready pods and PD's `Up` were wrong by
eight seconds and more. It misses one case: a leader that is partitioned from the others still holds that it leads,
for 12 to 19 seconds. With a writing client its results decide, because they are what service means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from subjects.cluster import Pod
from subjects.pods import pod_problems
from subjects.protocol import Problem, Verdict
from subjects.tikv.members.queries import ROLES, STATUS_PORT, TIKV, TikvQuery, region_status
from subjects.tikv.members.schemas import Region, RegionStatus, StoreInfo, Stores
from subjects.tikv.oracle.observations import TikvObservations
from subjects.tikv.oracle.pd_view import PdView, view_pd
from subjects.tikv.oracle.redundancy import peer_problems, silent_stores, store_problems, unseen_stores

ORACLE_VERSION = "tikv/2"
"""Raised whenever the meaning of a verdict changes: results of different oracles are not compared."""

MAX_NAMED = 5
"""So many region ids are named in a message."""


def assess(at: datetime, observations: TikvObservations) -> Verdict:
    """Returns the verdict on the observations; the pods must have been seen."""
    pd = view_pd(observations)
    led = _confirmed_regions(observations, pd)
    service = led if observations.writes is None else written_regions(observations)
    serving = service.serving if service is not None else None
    trouble = [
        *(service.problem("WritesFail", "take no write") if service is not None and service is not led else ()),
        *(led.problem("RegionsUnled", "have no confirmed leader") if led is not None else ()),
        *pd.trouble,
        *_store_trouble(observations, pd),
    ]
    unknown = [
        *([Problem("PDUnseen", f"no member of PD answers us: {pd.unreachable}")] if pd.unreachable is not None else ()),
        *pd.unknown,
        *unseen_stores(observations),
        *(service.unknown_problem() if service is not None else ()),
    ]
    healthy = False if trouble else None if unknown or serving is None else True
    since = service.unserved_since if service is not None else None
    unserved_since = at - timedelta(seconds=observations.clock - since) if since is not None else None
    return Verdict(at, serving, healthy, tuple(trouble + unknown), _uids(observations), unserved_since=unserved_since)


def _store_trouble(observations: TikvObservations, pd: PdView) -> list[Problem]:
    problems = list(pod_problems(observations.topology.tikv, observations.pods[TIKV], observations.images))
    problems += [
        Problem("StoreSilent", f"{name} does not answer: {result.error}", name)
        for name, result in silent_stores(observations).items()
    ]
    if pd.stores is not None:
        problems += store_problems(observations, pd.stores)
    if pd.regions is not None:
        problems += peer_problems(pd.regions.by_id(), pd.replicas)
    return problems


def _uids(observations: TikvObservations) -> Mapping[str, str]:
    return {name: pod.uid for role in ROLES for name, pod in observations.present(role).items()}


# Which regions serve clients -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class RegionService:
    """Region ids by whether they are served: served, not served (with the reasons seen), or unknown (likewise).

    `unserved_since` is when the oldest of the queries was sent that showed a region not to be served (monotonic
    seconds).
    """

    served: list[int] = field(default_factory=list)
    unserved: dict[int, str] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)
    unserved_since: float | None = None

    @property
    def serving(self) -> bool | None:
        """Returns whether all regions are served; None where it is not known of every region."""
        if self.unserved:
            return False
        return None if self.unknown or not self.served else True

    def add(self, region_id: int, served: bool | None, reason: str, sent_at: float | None = None) -> None:
        """Adds what is known of one region, by a query that was sent at `sent_at`."""
        if served is None:
            self.unknown[region_id] = reason
        elif served:
            self.served.append(region_id)
        else:
            self.unserved[region_id] = reason
            if sent_at is not None:
                self.unserved_since = sent_at if self.unserved_since is None else min(self.unserved_since, sent_at)

    def problem(self, reason: str, what: str) -> tuple[Problem, ...]:
        """Returns one problem about the regions that are not served, if any."""
        if not self.unserved:
            return ()
        total = len(self.served) + len(self.unserved) + len(self.unknown)
        named = ", ".join(map(str, sorted(self.unserved)[:MAX_NAMED]))
        more = ", …" if len(self.unserved) > MAX_NAMED else ""
        why = "; ".join(sorted(set(self.unserved.values()))[:MAX_NAMED])
        return (Problem(reason, f"{len(self.unserved)} of {total} regions {what} ({named}{more}): {why}"),)

    def unknown_problem(self) -> tuple[Problem, ...]:
        """Returns one problem about the regions of which it is unknown, if any."""
        if not self.unknown:
            return ()
        why = "; ".join(sorted(set(self.unknown.values()))[:3])
        message = f"of {len(self.unknown)} regions it is not known whether they serve: {why}"
        return (Problem("ServiceUnseen", message),)


def stores_by_id(stores: Stores) -> dict[int, StoreInfo]:
    """Returns the stores by id."""
    return {each.store.id: each for each in stores.stores}


def confirmation_query(
    region: Region, stores: Mapping[int, StoreInfo], pods: Mapping[str, Pod]
) -> tuple[Pod, TikvQuery] | str:
    """Returns the pod that PD calls the region's leader and the query by which it confirms that.

    Where there is none to be queried, return why.
    """
    if region.led_by is None:
        return "PD knows no leader"
    store = stores.get(region.led_by)
    pod = pods.get(store.host) if store is not None else None
    if store is None or pod is None:
        return f"PD names a leader that is not there ({store.host if store else f'store {region.led_by}'})"
    return pod, region_query(region.id, store)


def region_query(region_id: int, store: StoreInfo) -> TikvQuery:
    """Returns the query about a region, on the store's own status port."""
    port = store.store.status_address.rpartition(":")[2]
    return region_status(region_id, int(port) if port.isdecimal() and 0 < int(port) < 65536 else STATUS_PORT)


def _confirmed_regions(observations: TikvObservations, pd: PdView) -> RegionService | None:
    """Returns which regions are led, by their leaders' own answers; None while PD does not name the leaders."""
    if pd.stores is None or pd.regions is None:
        return None
    return confirmed_regions(observations, pd.stores, pd.regions.by_id())


def confirmed_regions(observations: TikvObservations, stores: Stores, regions: Sequence[Region]) -> RegionService:
    """Returns which regions are led by the store that PD names, by that store's own answer."""
    service, by_id = RegionService(), stores_by_id(stores)
    pods, silent = observations.present(TIKV), silent_stores(observations)
    for each in regions:
        addressed = confirmation_query(each, by_id, pods)
        if isinstance(addressed, str):
            service.add(each.id, False, addressed)
            continue
        pod, query = addressed
        result = observations.confirmation(pod.uid, query)
        if pod.name in silent:
            service.add(each.id, False, f"{pod.name} does not answer", silent[pod.name].sent_at)
        elif result is None:
            service.add(each.id, None, f"{pod.name} has not answered yet")
        elif result.answer is None:
            service.add(each.id, False, f"{pod.name} does not answer", result.sent_at)
        elif result.answer.status == 404:
            service.add(each.id, False, f"{pod.name} does not have it", result.sent_at)
        elif isinstance(status := observations.value(RegionStatus, result), str):
            service.add(each.id, None, f"{pod.name}: {status}")
        else:
            service.add(each.id, status.leads, f"{pod.name} does not lead it", result.sent_at)
    return service


def written_regions(observations: TikvObservations) -> RegionService:
    """Returns which regions took the latest write that was tried."""
    service = RegionService()
    for region_id, write in (observations.writes or {}).items():
        if write is None:
            service.add(region_id, None, "no write has ended yet")
        else:
            service.add(region_id, write.error is None, write.error or "", write.sent_at)
    return service
