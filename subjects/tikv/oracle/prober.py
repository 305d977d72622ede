"""TiKV's `HealthProber`: which members are queried, what and when.

Every member of PD is queried for whether it is there and who leads, every store for whether it is there. PD's leader is
queried for stores and regions, all in bulk, and the store that PD calls the leader of a region for whether it is.
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
    TikvQuery,
)
from subjects.tikv.members.schemas import MemberList, Region, Regions, RegionStatus, Stores
from subjects.tikv.oracle.observations import (
    DEFAULT_HEARTBEAT_SECONDS,
    CachingReader,
    TikvObservations,
    WriteResult,
    heartbeat_seconds,
)
from subjects.tikv.oracle.verdict import assess, confirmation_query, stores_by_id
from subjects.tikv.oracle.write_probe import WriteProbe
from subjects.watching.polling import PollSettings, QueryResult, RecentResults, RoundRobin
from subjects.watching.stream import Pods

Addressed = tuple[Pod, TikvQuery]
"""A query and the pod that it is sent to."""


class TikvProber:
    """A `HealthProber`.

    `topology` finds the StatefulSets, or remembers them; `cluster_id` returns PD's name for itself, if known. `images`
    are the images that the pods should have; None where they are not known yet, and then images are not compared.
    `known_tombstones` returns the ids of the stores that were tombstones before the attempt.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        topology: Callable[[], Awaitable[Topology]],
        polling: PollSettings,
        cluster_id: Callable[[], int | None],
        images: KnownImages | None = None,
        known_tombstones: Callable[[], frozenset[int]] = frozenset,
    ) -> None:
        self._endpoints = endpoints
        self._fetch_topology = topology
        self._polling = polling
        self._cluster_id = cluster_id
        self._images = images
        self._known_tombstones = known_tombstones
        self._clock = asyncio.get_running_loop().time
        self._topology: Topology | None = None
        self._heartbeat_seconds = DEFAULT_HEARTBEAT_SECONDS
        self._reader = CachingReader()
        self._round_robin: RoundRobin[tuple[str, TikvQuery]] = RoundRobin()
        self._regions: list[Region] = []
        self._write_probe = WriteProbe(endpoints, polling, lambda: self._regions) if endpoints.options.writes else None

    @property
    def period(self) -> float:
        """Seconds between two polls."""
        return self._polling.period

    @property
    def selectors(self) -> Mapping[str, str]:
        """The labels of both roles' pods."""
        return self._endpoints.options.selectors

    async def discover(self) -> None:
        """Finds the StatefulSets, and how often stores report to PD."""
        topology = await self._fetch_topology()
        self._heartbeat_seconds = await heartbeat_seconds(self._endpoints, self._polling.timeout)
        self._topology = topology

    def background_tasks(self, on_change: Callable[[], None]) -> Iterator[Coroutine[Any, Any, None]]:
        """Returns the writing client, where the campaign asks for one."""
        if self._write_probe is not None:
            yield self._write_probe.run(on_change)

    # Queries ---------------------------------------------------------------------------------------------------------

    def queries(self, pods: Pods, recent: RecentResults[TikvQuery]) -> Iterator[Addressed]:
        """Returns all queries that are due in this period."""
        observations = self._observe(pods, recent)
        for pod in observations.present(PD).values():
            yield from ((pod, query) for query in OF_EVERY_MEMBER)
        for pod in observations.present(TIKV).values():
            yield pod, ALIVE
        if (leader := self._pd_leader(observations)) is not None:
            yield from ((leader, query) for query in OF_THE_LEADER)
        yield from self._due_confirmations(observations)

    def follow_ups(self, query: TikvQuery, pods: Pods, recent: RecentResults[TikvQuery]) -> Iterator[Addressed]:
        """Returns what a result makes due: of a new leader what it knows, and of new regions who leads them."""
        if query not in (MEMBERS, REGIONS, STORES):
            return
        observations = self._observe(pods, recent)
        if query is MEMBERS:
            if (leader := self._pd_leader(observations)) is not None:
                results = observations.results(leader.uid)
                yield from ((leader, each) for each in OF_THE_LEADER if each not in results)
            return
        self._remember_regions(observations)
        for pod, each in self._confirmations(observations):
            if observations.confirmation(pod.uid, each) is None:
                yield pod, each

    def _pd_leader(self, observations: TikvObservations) -> Pod | None:
        """Returns the pod that was named last as PD's leader."""
        present = observations.present(PD)
        results = [result for pod in present.values() if (result := observations.result(pod, MEMBERS)) is not None]
        for result in sorted(results, key=lambda result: result.sent_at, reverse=True):
            members = observations.value(MemberList, result)
            if isinstance(members, MemberList) and members.leader is not None:
                return present.get(members.leader.pod)
        return None

    def _due_confirmations(self, observations: TikvObservations) -> Iterator[Addressed]:
        self._remember_regions(observations)
        pods = {(pod.uid, query): pod for pod, query in self._confirmations(observations)}

        def is_urgent(key: tuple[str, TikvQuery]) -> bool:
            result = observations.confirmation(*key)
            status = observations.value(RegionStatus, result) if result is not None else ""
            return not (isinstance(status, RegionStatus) and status.leads)

        for key in self._round_robin.next_batch(pods, is_urgent, self._clock()):
            yield pods[key], key[1]

    def _confirmations(self, observations: TikvObservations) -> Iterator[Addressed]:
        """Yields, for every region whose leader PD names, the query by which that leader confirms it."""
        result = observations.latest_of_pd(STORES)
        stores = observations.value(Stores, result) if result is not None else ""
        if isinstance(stores, Stores):
            by_id, pods = stores_by_id(stores), observations.present(TIKV)
            found = (confirmation_query(region, by_id, pods) for region in self._regions)
            yield from (addressed for addressed in found if not isinstance(addressed, str))

    def _remember_regions(self, observations: TikvObservations) -> None:
        """Keeps the last regions while PD does not answer, as a client does."""
        result = observations.latest_of_pd(REGIONS)
        regions = observations.value(Regions, result) if result is not None else ""
        if isinstance(regions, Regions):
            self._regions = regions.by_id()

    async def send(self, pod: Pod, query: TikvQuery) -> QueryResult:
        """Sends one query to one member."""
        return await self._endpoints.query(query, pod, self._polling.timeout)

    # Assessment ------------------------------------------------------------------------------------------------------

    def assess(self, pods: Pods, recent: RecentResults[TikvQuery]) -> Verdict:
        """Returns the verdict on results that still hold."""
        return assess(self._endpoints.context.now(), self._observe(pods, recent))

    def _observe(self, pods: Pods, recent: RecentResults[TikvQuery]) -> TikvObservations:
        assert self._topology is not None, "observed before discovery"
        max_age = self._polling.max_age
        confirmation_max_age = max_age + (self._round_robin.rounds() - 1) * self._polling.period
        return TikvObservations(
            topology=self._topology,
            pods=pods,
            results=lambda uid: recent.of_pod(uid, max_age),
            confirmation=lambda uid, query: recent.of_query(uid, query, confirmation_max_age),
            clock=recent.now,
            writes=self._latest_writes(),
            cluster_id=self._cluster_id(),
            heartbeat_seconds=self._heartbeat_seconds,
            reader=self._reader,
            images=self._known_images(pods),
            known_tombstones=self._known_tombstones(),
        )

    def _known_images(self, pods: Pods) -> Mapping[str, Mapping[str, str]]:
        if self._images is None:
            return {}
        return self._images.add(pod for role in ROLES for pod in pods[role].values())

    def _latest_writes(self) -> Mapping[int, WriteResult | None] | None:
        return None if self._write_probe is None else self._write_probe.latest()
