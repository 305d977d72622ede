"""TiKV's half of the health watch: whom to ask what, and when.

Every member of PD is asked whether it is there and who leads, every store whether it is there. Whoever leads PD is
asked for stores and regions, all in bulk; and the store that PD calls the leader of a region is asked whether it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

from subjects.cluster import Pod
from subjects.images import KnownImages
from subjects.protocol import Verdict
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.queries import (
    ALIVE,
    MEMBERS,
    OF_EVERY_MEMBER,
    OF_THE_LEADER,
    PD,
    REGIONS,
    ROLES,
    STORES,
    TIKV,
    Query,
)
from subjects.tikv.members.schemas import Members, Region, Regions, RegionStatus, Stores
from subjects.tikv.oracle.intervals import heartbeat_seconds
from subjects.tikv.oracle.observations import DEFAULT_HEARTBEAT_SECONDS, Observations, Write
from subjects.tikv.oracle.probe import WriteProbe
from subjects.tikv.oracle.reading import Reader
from subjects.tikv.oracle.service import leader_pod, store_hosts
from subjects.tikv.oracle.turns import Turns
from subjects.tikv.oracle.verdict import assess
from subjects.watching.polling import PollSettings, QueryResult, RecentResults, send_within
from subjects.watching.stream import Pods

Asked = tuple[Pod, Query]


class TikvProber:
    """A `HealthProber`.

    `topology` finds the StatefulSets, or remembers them; `cluster_id` returns PD's name for itself, if known. `images`
    are the images that the pods should have; None where they are not known yet, and then images are not compared.
    `buried` returns the ids of the stores that were tombstones before the attempt.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        topology: Callable[[], Awaitable[Topology]],
        polling: PollSettings,
        cluster_id: Callable[[], int | None],
        images: KnownImages | None = None,
        buried: Callable[[], frozenset[int]] = frozenset,
    ) -> None:
        self._endpoints = endpoints
        self._fetch_topology = topology
        self._polling = polling
        self._cluster_id = cluster_id
        self._images = images
        self._buried = buried
        self._clock = asyncio.get_running_loop().time
        self._topology: Topology | None = None
        self._heartbeat = DEFAULT_HEARTBEAT_SECONDS
        self._reader = Reader()
        self._turns: Turns[tuple[str, Query]] = Turns()
        self._regions: list[Region] = []
        self._probe = WriteProbe(endpoints, polling, lambda: self._regions) if endpoints.options.writes else None

    @property
    def period(self) -> float:
        """From question to question."""
        return self._polling.period

    @property
    def selectors(self) -> Mapping[str, str]:
        """The labels of both roles' pods."""
        return self._endpoints.options.selectors

    async def discover(self) -> None:
        """Find the StatefulSets, and how often stores report to PD."""
        topology = await self._fetch_topology()
        self._heartbeat = await heartbeat_seconds(self._endpoints, self._polling.timeout)
        self._topology = topology

    def background_tasks(self, on_change: Callable[[], None]) -> Iterator[Coroutine[Any, Any, None]]:
        """The writing client, where one is asked for."""
        if self._probe is not None:
            yield self._probe.run(on_change)

    # What to ask -----------------------------------------------------------------------------------------------------

    def queries(self, pods: Pods, recent: RecentResults[Query]) -> Iterator[Asked]:
        """Everything that is due in this period."""
        observations = self._observations(pods, recent)
        for pod in observations.present(PD).values():
            yield from ((pod, query) for query in OF_EVERY_MEMBER)
        for pod in observations.present(TIKV).values():
            yield pod, ALIVE
        if (leader := self._pd_leader(observations)) is not None:
            yield from ((leader, query) for query in OF_THE_LEADER)
        yield from self._region_queries(observations)

    def follow_ups(self, query: Query, pods: Pods, recent: RecentResults[Query]) -> Iterator[Asked]:
        """Who leads leads to what the leader knows, and that to whom it names."""
        if query not in (MEMBERS, REGIONS, STORES):
            return
        observations = self._observations(pods, recent)
        if query is MEMBERS:
            if (leader := self._pd_leader(observations)) is not None:
                held = observations.results(leader.uid)
                yield from ((leader, each) for each in OF_THE_LEADER if each not in held)
            return
        self._remember_regions(observations)
        for pod, each in self._leader_queries(observations):
            if observations.confirmation(pod.uid, each) is None:
                yield pod, each

    def _pd_leader(self, observations: Observations) -> Pod | None:
        """The pod that was named last as PD's leader."""
        present = observations.present(PD)
        results = [result for pod in present.values() if (result := observations.result(pod, MEMBERS)) is not None]
        for result in sorted(results, key=lambda result: result.sent_at, reverse=True):
            members = observations.value(Members, result)
            if isinstance(members, Members) and members.leader is not None:
                return present.get(members.leader.pod)
        return None

    def _region_queries(self, observations: Observations) -> Iterator[Asked]:
        self._remember_regions(observations)
        asked = {(pod.uid, query): pod for pod, query in self._leader_queries(observations)}

        def pressing(key: tuple[str, Query]) -> bool:
            result = observations.confirmation(*key)
            status = observations.value(RegionStatus, result) if result is not None else ""
            return not (isinstance(status, RegionStatus) and status.leads)

        for key in self._turns.take(asked, pressing, self._clock()):
            yield asked[key], key[1]

    def _leader_queries(self, observations: Observations) -> Iterator[Asked]:
        result = observations.latest_of_pd(STORES)
        stores = observations.value(Stores, result) if result is not None else ""
        if isinstance(stores, Stores):
            by_id, pods = store_hosts(stores), observations.present(TIKV)
            found = (leader_pod(region, by_id, pods) for region in self._regions)
            yield from (asked for asked in found if not isinstance(asked, str))

    def _remember_regions(self, observations: Observations) -> None:
        """Kept while PD is away: a client, too, goes on with what it knows."""
        result = observations.latest_of_pd(REGIONS)
        regions = observations.value(Regions, result) if result is not None else ""
        if isinstance(regions, Regions):
            self._regions = regions.by_id()

    async def send(self, pod: Pod, query: Query) -> QueryResult:
        """One question to one member."""
        timeout = self._polling.timeout
        return await send_within(
            timeout, lambda: self._endpoints.ask(query.role, pod, query.path, timeout, port=query.port)
        )

    # What it means ---------------------------------------------------------------------------------------------------

    def assess(self, pods: Pods, recent: RecentResults[Query]) -> Verdict:
        """The oracle's verdict on replies that still hold."""
        return assess(self._endpoints.context.now(), self._observations(pods, recent))

    def _observations(self, pods: Pods, recent: RecentResults[Query]) -> Observations:
        assert self._topology is not None, "asked before it has learned"
        of_regions = self._polling.max_age + (self._turns.rounds() - 1) * self._polling.period
        return Observations(
            topology=self._topology,
            pods=pods,
            results=lambda uid: recent.of_pod(uid, self._polling.max_age),
            confirmation=lambda uid, query: recent.of_query(uid, query, of_regions),
            clock=recent.now,
            writes=self._writes(),
            cluster_id=self._cluster_id(),
            heartbeat_seconds=self._heartbeat,
            reader=self._reader,
            images=self._known_images(pods),
            buried=self._buried(),
        )

    def _known_images(self, pods: Pods) -> Mapping[str, Mapping[str, str]]:
        return (
            self._images.met(pod for role in ROLES for pod in pods[role].values()) if self._images is not None else {}
        )

    def _writes(self) -> Mapping[int, Write | None] | None:
        return None if self._probe is None else self._probe.newest()
