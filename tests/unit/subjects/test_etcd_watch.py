"""The stream of verdicts against a small etcd: nothing missed, nothing late, nothing stale."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from subjects.cluster import Answer, ClusterError, ClusterUnreachable
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings
from subjects.protocol import Verdict
from subjects.watching.polling import MAX_IN_FLIGHT
from tests.unit.subjects.fakes import HANG, FakeCluster

PATIENT = EtcdPollSettings(period=0.01, timeout=1.0, write_timeout=1.0)
"""So that a busy machine makes no member look silent."""

HASTY = EtcdPollSettings(period=0.01, timeout=0.05, write_timeout=0.05)
"""For members that do hang: what waits for the limit waits this long."""


class Eyes:
    """The stream, one verdict after the other; every wait is bounded."""

    def __init__(self, stream: AsyncIterator[Verdict]) -> None:
        self._stream = stream
        self.seen: list[Verdict] = []

    async def next(self) -> Verdict:
        self.seen.append(await asyncio.wait_for(anext(self._stream), 1))
        return self.seen[-1]

    async def until(self, condition: Callable[[Verdict], bool]) -> Verdict:
        while not condition(await self.next()):
            assert len(self.seen) < 500, f"never: {self.seen[-1]}"
        return self.seen[-1]

    async def until_healthy(self) -> Verdict:
        return await self.until(lambda verdict: verdict.healthy is True)


@asynccontextmanager
async def watching(cluster: FakeCluster, polling: EtcdPollSettings = PATIENT) -> AsyncIterator[Eyes]:
    async with aclosing(EtcdSubject(cluster.context(), polling).watch_health()) as stream:
        yield Eyes(stream)


def says(reason: str, member: str | None = None) -> Callable[[Verdict], bool]:
    return lambda verdict: any((p.reason, p.member) == (reason, member) for p in verdict.problems)


async def test_the_first_verdict_comes_at_once_and_claims_nothing() -> None:
    async with watching(FakeCluster()) as eyes:
        first = await eyes.next()
        assert (first.serving, first.healthy) == (None, None)


async def test_no_trouble_is_claimed_of_a_healthy_etcd_while_its_first_answers_come_in() -> None:
    async with watching(FakeCluster()) as eyes:
        await eyes.until_healthy()
        assert not any(verdict.serving is False or verdict.healthy is False for verdict in eyes.seen)


async def test_a_healthy_etcd_is_soon_healthy_and_stays_so() -> None:
    async with watching(FakeCluster()) as eyes:
        await eyes.until_healthy()
        assert all([(await eyes.next()).healthy for _ in range(10)])


async def test_every_pod_event_gives_a_verdict_of_its_own_however_quick_the_replacement() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        old = (await eyes.until_healthy()).members["etcd-1"]
        cluster.change("etcd-1", deleting=True)
        cluster.vanish("etcd-1")
        cluster.appear("etcd-1")
        await eyes.until(says("PodTerminating", "etcd-1"))
        missing = await eyes.next()
        assert says("PodMissing", "etcd-1")(missing)
        assert (missing.serving, missing.healthy) == (True, False)
        replaced = await eyes.next()
        assert replaced.members["etcd-1"] != old
        assert says("MemberUnseen", "etcd-1")(replaced), "the answers of the old pod are not the new one's"
        await eyes.until_healthy()


async def test_an_event_that_changes_nothing_we_judge_is_a_verdict_too_and_keeps_the_answers() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        await eyes.until_healthy()
        cluster.tell()
        cluster.tell()
        assert [(await eyes.next()).healthy for _ in range(2)] == [True, True]


async def test_a_changed_pod_is_not_healthy_before_it_has_answered_anew() -> None:
    cluster = FakeCluster()
    async with watching(cluster, HASTY) as eyes:
        await eyes.until_healthy()
        cluster.script["etcd-2", "*"] = HANG
        cluster.change("etcd-2", restarts=1)
        assert (await eyes.until(says("MemberUnseen", "etcd-2"))).healthy is None
        assert (await eyes.until(says("MemberSilent", "etcd-2"))).healthy is False
        assert not any([(await eyes.next()).healthy for _ in range(10)])


async def test_a_member_that_hangs_is_told_silent_and_delays_no_verdict() -> None:
    cluster = FakeCluster()
    async with watching(cluster, HASTY) as eyes:
        await eyes.until_healthy()
        cluster.script["etcd-2", "*"] = HANG
        silent = await eyes.until(says("MemberSilent", "etcd-2"))
        assert (silent.serving, silent.healthy) == (True, False)
        gaps = [later.at - earlier.at for earlier, later in zip(eyes.seen, eyes.seen[1:], strict=False)]
        assert max(gaps).total_seconds() < 0.5


async def test_service_is_seen_again_though_the_writes_of_the_outage_still_hang() -> None:
    cluster = FakeCluster()
    async with watching(cluster, HASTY) as eyes:
        await eyes.until_healthy()
        cluster.leader = None
        await eyes.until(says("NoLeader"))
        await eyes.until(says("WriteFailed"))
        cluster.leader = "etcd-1"
        await eyes.until_healthy()


async def test_a_write_has_less_time_than_a_status_so_that_a_short_outage_is_seen() -> None:
    cluster = FakeCluster()
    async with watching(cluster, EtcdPollSettings(period=0.01, timeout=1.0, write_timeout=0.03)) as eyes:
        await eyes.until_healthy()
        cluster.script["*", "/v3/kv/put"] = HANG
        stalled = await eyes.until(says("WriteFailed"))
        assert (stalled.serving, stalled.message) == (False, "no write goes through: no answer within 0.03 s")


async def test_losing_one_member_keeps_service_losing_two_loses_it() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        await eyes.until_healthy()
        cluster.vanish("etcd-0")
        assert (await eyes.until(says("PodMissing", "etcd-0"))).serving is True
        cluster.vanish("etcd-1")
        lost = await eyes.until(says("NoLeader"))
        assert (lost.serving, lost.healthy) == (False, False)


async def test_an_api_server_that_is_away_is_unknown_and_remembers_the_members() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        members = (await eyes.until_healthy()).members
        cluster.go_away()
        blind = await eyes.until(says("ApiUnreachable"))
        assert (blind.serving, blind.healthy, blind.members) == (None, None, members)
        cluster.come_back()
        await eyes.until_healthy()


async def test_no_member_reached_while_all_pods_are_ready_is_unknown() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        await eyes.until_healthy()
        cluster.script["*", "*"] = ClusterUnreachable("the proxy is away")
        assert (await eyes.until(says("MembersUnseen"))).healthy is None


@pytest.mark.parametrize("refusal", [ClusterError(403, "forbidden"), ClusterUnreachable("no route")])
async def test_a_statefulset_that_cannot_be_read_is_unknown_until_it_can(
    refusal: ClusterError | ClusterUnreachable,
) -> None:
    cluster = FakeCluster()
    cluster.refusals["get_workload"] = refusal
    async with watching(cluster) as eyes:
        reason = "WorkloadUnread" if isinstance(refusal, ClusterError) else "ApiUnreachable"
        assert (await eyes.until(says(reason))).healthy is None
        cluster.refusals.clear()
        await eyes.until_healthy()


async def test_a_statefulset_that_is_gone_is_unhealthy() -> None:
    cluster = FakeCluster()
    cluster.workload = None
    async with watching(cluster) as eyes:
        assert (await eyes.until(says("UnfitWorkload"))).healthy is False


async def test_the_statefulset_is_judged_as_the_reset_found_it_whatever_somebody_does_to_it() -> None:
    cluster = FakeCluster()
    subject = EtcdSubject(cluster.context(), PATIENT)
    await subject.reset()
    assert cluster.workload is not None
    cluster.workload = None
    async with aclosing(subject.watch_health()) as stream:
        await Eyes(stream).until_healthy()


async def test_a_member_that_refuses_writes_for_lack_of_space_is_told_in_its_own_words() -> None:
    cluster = FakeCluster()
    cluster.script["*", "/v3/kv/put"] = Answer(429, {"message": "etcdserver: mvcc: database space exceeded"})
    async with watching(cluster) as eyes:
        assert "space exceeded" in (await eyes.until(says("WriteFailed"))).message


async def test_a_defect_in_the_watch_ends_the_stream_loudly() -> None:
    cluster = FakeCluster()
    cluster.script["etcd-0", "/health"] = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        async with watching(cluster) as eyes:
            await eyes.until(says("never"))


async def test_closing_the_stream_ends_every_task_it_started() -> None:
    cluster = FakeCluster()
    before = asyncio.all_tasks()
    async with watching(cluster) as eyes:
        await eyes.until_healthy()
        cluster.script["*", "*"] = HANG
        await eyes.next()
    assert asyncio.all_tasks() == before


async def test_a_member_is_never_asked_more_at_once_than_agreed_whatever_the_events() -> None:
    cluster = FakeCluster()
    async with watching(cluster) as eyes:
        await eyes.until_healthy()
        cluster.script["*", "*"] = HANG
        cluster.calls.clear()
        for _ in range(50):
            cluster.tell()
        await asyncio.sleep(0.005)
        assert sum(call[:3] == ("ask_member", "etcd-0", "/health") for call in cluster.calls) <= MAX_IN_FLIGHT


async def test_waiting_for_health_tells_what_is_missing_meanwhile() -> None:
    cluster = FakeCluster()
    cluster.vanish("etcd-2")
    told: list[Verdict] = []
    subject = EtcdSubject(cluster.context(), PATIENT)
    waiting = asyncio.create_task(subject.wait_healthy(0.03, told.append))
    await asyncio.sleep(0.03)
    cluster.appear("etcd-2")
    settled = await asyncio.wait_for(waiting, 2)
    assert settled.healthy is True
    assert any(says("PodMissing", "etcd-2")(verdict) for verdict in told)
