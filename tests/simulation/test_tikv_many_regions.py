"""Hundreds of regions: asked in bulk, in bounded numbers and in turn; an outage of any part is seen all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Pod, PodView, Workload
from subjects.protocol import SubjectContext, SubjectOptions, Verdict
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.options import SELECTORS, check
from subjects.tikv.members.queries import TIKV, TikvQuery
from subjects.tikv.oracle.prober import TikvProber
from subjects.watching.polling import MAX_IN_FLIGHT_AT_MEMBER, MAX_PER_PERIOD, PollSettings
from subjects.watching.stream import VerdictStream
from tests.support.virtual import run_virtually
from tests.unit.subjects.tikv_world import AT, World, names, region_of

REGIONS = 300
DELAY = 0.003
"""Seconds that every answer takes."""


class WorldCluster:
    """What a health watch needs of a `Cluster`, on a `World`. Counts what is asked, and what is asked at once."""

    reaches_pods = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[tuple[float, str, str]] = []
        self.frozen: set[str] = set()
        self.most_at_once: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._clock = asyncio.get_running_loop().time

    def now(self) -> datetime:
        return AT.astimezone(UTC) + timedelta(seconds=self._clock())

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        workload = self.world.topology.of(self._role(selector))
        return {workload.name: workload}

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        return self.world.pods[self._role(selector)]

    async def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        yield PodView(dict(self.world.pods[self._role(selector)]))
        await asyncio.Event().wait()

    async def ask_member(self, request: MemberRequest) -> Answer:
        pod, path, timeout = request.pod, request.path, request.timeout
        self.asked.append((self._clock(), pod.name, path))
        self._now[pod.name] = self._now.get(pod.name, 0) + 1
        self.most_at_once[pod.name] = max(self.most_at_once.get(pod.name, 0), self._now[pod.name])
        try:
            await asyncio.sleep(timeout if pod.name in self.frozen else DELAY)
        finally:
            self._now[pod.name] -= 1
        if pod.name in self.frozen:
            raise MemberUnreachable("no answer")
        role = pod.name.partition("-")[0]
        return self.world._answer(pod.name, TikvQuery(role, path)) if path != "/config" else Answer(404, None)

    @staticmethod
    def _role(selector: str) -> str:
        return next(role for role, known in SELECTORS.items() if known == selector)


def big_world() -> World:
    world, stores = World(), names(TIKV)
    world.regions = {id_: region_of(id_, stores[id_ % 3]) for id_ in range(1, REGIONS + 1)}
    return world


async def watched(cluster: WorldCluster, events: Mapping[float, Callable[[], None]], until: float) -> list[Verdict]:
    """The verdicts until then; each event happens at its time, in virtual seconds."""
    loop = asyncio.get_running_loop()
    for at, event in events.items():
        loop.call_at(at, event)
    context = SubjectContext(cluster, "tikv", cluster.now, options=SubjectOptions())  # type: ignore[arg-type]
    endpoints = Endpoints(context, check(context.options))
    verdicts = []
    async with aclosing(
        VerdictStream(context, TikvProber(endpoints, endpoints.find, PollSettings(), lambda: None)).verdicts()
    ) as stream:
        async for verdict in stream:
            verdicts.append(verdict)
            if loop.time() > until:
                return verdicts
    raise AssertionError("the stream ended")


def seconds(verdict: Verdict) -> float:
    return (verdict.at - AT).total_seconds()


def test_a_healthy_cluster_of_many_regions_is_found_healthy_and_stays_so() -> None:
    async def run() -> list[Verdict]:
        return await watched(WorldCluster(big_world()), {}, until=14)

    verdicts = run_virtually(run())
    later = [verdict for verdict in verdicts if seconds(verdict) > 4]
    assert {verdict.healthy for verdict in later} == {True}
    assert False not in {verdict.serving for verdict in verdicts}


def test_in_no_period_are_more_regions_asked_about_than_are_affordable_and_all_come_round() -> None:
    async def run() -> WorldCluster:
        cluster = WorldCluster(big_world())
        await watched(cluster, {}, until=14)
        return cluster

    cluster = run_virtually(run())
    of_regions = [(at, path) for at, _, path in cluster.asked if path.startswith("/region/")]
    for start in range(5, 13):
        during = [path for at, path in of_regions if start <= at < start + 1]
        assert len(during) <= 2 * MAX_PER_PERIOD
    assert len({path for at, path in of_regions if 5 <= at < 8}) == REGIONS
    assert max(cluster.most_at_once.values()) <= MAX_IN_FLIGHT_AT_MEMBER


def test_a_frozen_store_is_told_at_once_and_holds_up_no_question_to_the_others() -> None:
    async def run() -> tuple[list[Verdict], WorldCluster]:
        cluster = WorldCluster(big_world())
        return await watched(cluster, {10.0: lambda: cluster.frozen.add("tikv-1")}, until=14), cluster

    verdicts, cluster = run_virtually(run())
    lost = [verdict for verdict in verdicts if verdict.serving is False]
    assert 10 <= seconds(lost[0]) <= 11.6
    assert "100 of 300 regions have no confirmed leader" in lost[-1].message
    others = [at for at, pod, path in cluster.asked if pod != "tikv-1" and path.startswith("/region/") and at > 12]
    assert len(others) > 50


def test_one_unled_region_among_hundreds_is_found_when_its_turn_comes_and_then_followed_closely() -> None:
    world = big_world()

    def lose() -> None:
        world.regions[151]["leader"] = {}

    def regain() -> None:
        world.regions[151] = region_of(151, names(TIKV)[1])

    async def run() -> list[Verdict]:
        return await watched(WorldCluster(world), {10.0: lose, 12.2: regain}, until=14)

    verdicts = run_virtually(run())
    unserved = [seconds(verdict) for verdict in verdicts if verdict.serving is False]
    assert 10 <= min(unserved) <= 11
    assert max(unserved) <= 13.5


def test_pd_is_asked_in_bulk_once_a_period_however_many_regions_there_are() -> None:
    async def run() -> WorldCluster:
        cluster = WorldCluster(big_world())
        await watched(cluster, {}, until=14)
        return cluster

    cluster = run_virtually(run())
    lists = [at for at, pod, path in cluster.asked if path.startswith("/pd/api/v1/regions") and 5 <= at < 10]
    assert len(lists) == 10
