"""The subject against three real etcd members: are the requests right, are the answers read right, is the story right?

How long an outage lasts is printed (`pytest -s`) and not judged: it is etcd's doing and this machine's.
"""

import asyncio
import signal
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from subjects.cluster import MemberRequest
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings
from subjects.protocol import Fault, SubjectError, Verdict
from tests.members.real import RealMembers, find_etcd

ETCD = find_etcd()
pytestmark = pytest.mark.skipif(
    ETCD is None, reason="no etcd binary: build the tools, or name one by EVALCAMPAIGN_ETCD"
)


PACE = EtcdPollSettings(timeout=4.0, write_timeout=4.0)
"""More patient than in earnest: these tests ask whether etcd is understood, not whether the machine is idle."""


class Watch:
    """A running stream of verdicts, all of them kept."""

    def __init__(self, stream: AsyncIterator[Verdict]) -> None:
        self._stream = stream
        self.seen: list[Verdict] = []

    async def until(self, condition: Callable[[Verdict], bool], seconds: float = 180) -> Verdict:
        async with asyncio.timeout(seconds):
            async for verdict in self._stream:
                self.seen.append(verdict)
                if condition(verdict):
                    return verdict
        raise AssertionError("the stream ended")

    async def healthy(self) -> Verdict:
        return await self.until(lambda verdict: verdict.healthy is True)

    async def says(self, reason: str, member: str | None = None) -> Verdict:
        return await self.until(lambda v: any((p.reason, p.member) == (reason, member) for p in v.problems))


@asynccontextmanager
async def watched(subject: EtcdSubject) -> AsyncIterator[Watch]:
    async with aclosing(subject.watch_health()) as stream:
        yield Watch(stream)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[RealMembers]:
    assert ETCD is not None
    async with RealMembers(ETCD, tmp_path) as members:
        yield members


@pytest.fixture
async def subject(members: RealMembers) -> EtcdSubject:
    subject = EtcdSubject(members.context(), PACE)
    async with asyncio.timeout(180):
        await subject.reset()
        await subject.wait_healthy(0.5, lambda _: None)
    return subject


async def fault_at(subject: EtcdSubject, chaos: str, target: str) -> Fault:
    params = subject.get_chaos_types()[chaos].params()
    for seed in range(100):
        fault = await subject.plan_chaos(chaos, params, Random(seed))
        if fault.targets[0].name == target:
            return fault
    raise AssertionError(f"no seed meets {target}")


def request(members: RealMembers, name: str, path: str, timeout: float, body: object) -> MemberRequest:
    return MemberRequest("etcd", members.pods[name], 2379, path, timeout, body)


async def test_healthy_members_stay_healthy_and_verdicts_keep_coming(subject: Any) -> None:
    async with watched(subject) as watch:
        start = await watch.healthy()
        watch.seen.clear()
        await watch.until(lambda verdict: (verdict.at - start.at).total_seconds() > 3)
    assert all(earlier.at < later.at for earlier, later in pairwise(watch.seen))
    # Where other tests take the whole machine, a moment without sight is honest; a member that fails is not.
    assert not any(verdict.healthy is False for verdict in watch.seen)
    assert sum(verdict.healthy is True for verdict in watch.seen) >= 3


async def test_reset_moved_leadership_to_the_first_member_and_the_state_says_so(subject: Any) -> None:
    state = await subject.capture_state()
    assert state["leader"] == "etcd-0"
    for member in state["members"].values():
        assert member["healthy"] is True
        assert member["lists"] == ["etcd-0", "etcd-1", "etcd-2"]
        assert member["version"].startswith("3.")


async def test_the_write_of_the_oracle_arrives_in_the_store(subject: Any, members: Any) -> None:
    async with watched(subject) as watch:
        await watch.healthy()
    key = b64encode(b"healthcheck").decode()
    answer = await members.ask_member(
        MemberRequest("etcd", members.pods["etcd-2"], 2379, "/v3/kv/range", 1.0, {"key": key})
    )
    assert answer.body["kvs"][0]["value"] == b64encode(b"ok").decode()


@pytest.mark.parametrize("target", ["etcd-0", "etcd-2"])
async def test_a_killed_member_comes_back_and_only_the_leaders_loss_can_cost_service(subject: Any, target: Any) -> None:
    async with watched(subject) as watch:
        await watch.healthy()
        fault = await fault_at(subject, "node_kill", target)
        injected = await subject.inject_chaos(fault)
        first = await watch.says("PodTerminating", target)
        recovered = await watch.healthy()
        assert recovered.members[target] != fault.targets[0].uid
    outage = [verdict.at for verdict in watch.seen if verdict.serving is False]
    took = (recovered.at - injected).total_seconds()
    lost = (outage[-1] - outage[0]).total_seconds() if outage else 0.0
    print(f"\n{target} killed: seen after {(first.at - injected).total_seconds():.3f} s, ", end="")
    print(f"no service for {lost:.2f} s, healthy after {took:.2f} s")
    if target != "etcd-0":
        assert not outage


async def test_a_leader_that_dies_without_a_word_costs_service_until_another_is_elected(
    subject: Any, members: Any
) -> None:
    async with watched(EtcdSubject(members.context())) as watch:
        await watch.healthy()
        members.send("etcd-0", signal.SIGKILL)
        lost = await watch.until(lambda verdict: verdict.serving is False)
        again = await watch.until(lambda verdict: verdict.serving is True)
        assert ("MemberSilent", "etcd-0") in {(problem.reason, problem.member) for problem in again.problems}
    print(
        f"\nleader killed without a word: seen to be without service for {(again.at - lost.at).total_seconds():.2f} s"
    )
    assert again.at > lost.at


async def test_a_member_that_is_down_stays_down_until_cleanup_and_the_others_serve(subject: Any) -> None:
    fault = await fault_at(subject, "node_down", "etcd-1")
    async with watched(subject) as watch:
        await watch.healthy()
        await subject.inject_chaos(fault)
        down = await watch.says("MemberSilent", "etcd-1")
        await watch.until(lambda verdict: (verdict.at - down.at).total_seconds() > 2)
        assert not any(verdict.healthy for verdict in watch.seen if verdict.at > down.at)
        await watch.until(lambda verdict: verdict.serving is True)
        await subject.cleanup_chaos(fault)
        await watch.healthy()


async def test_a_frozen_member_is_silent_and_healthy_again_when_it_thaws(subject: Any, members: Any) -> None:
    async with watched(subject) as watch:
        await watch.healthy()
        members.send("etcd-2", signal.SIGSTOP)
        await watch.says("MemberSilent", "etcd-2")
        await watch.until(lambda verdict: verdict.serving is True)
        members.send("etcd-2", signal.SIGCONT)
        await watch.healthy()


async def test_without_a_quorum_nothing_is_served_and_that_is_known(subject: Any, members: Any) -> None:
    async with watched(subject) as watch:
        await watch.healthy()
        for name in ("etcd-0", "etcd-1"):
            members.send(name, signal.SIGKILL)
        await watch.says("NoLeader")
        assert (watch.seen[-1].serving, watch.seen[-1].healthy) == (False, False)


async def test_an_alarm_is_not_healthy_and_stops_writes_for_lack_of_space(subject: Any, members: Any) -> None:
    member_id = (await subject.capture_state())["members"]["etcd-1"]["id"]
    alarm = {"action": "ACTIVATE", "memberID": member_id, "alarm": "NOSPACE"}
    async with watched(subject) as watch:
        await watch.healthy()
        await members.ask_member(
            MemberRequest("etcd", members.pods["etcd-1"], 2379, "/v3/maintenance/alarm", 1.0, alarm)
        )
        full = await watch.says("WriteFailed")
        assert full.serving is False
        await watch.says("MemberUnhealthy", "etcd-1")
        print("\n" + watch.seen[-1].message)
        alarm["action"] = "DEACTIVATE"
        await members.ask_member(
            MemberRequest("etcd", members.pods["etcd-1"], 2379, "/v3/maintenance/alarm", 1.0, alarm)
        )
        await watch.healthy()


async def test_an_etcd_that_asks_for_a_user_is_said_at_once_and_not_waited_for(subject: Any, members: Any) -> None:
    async def tell(path: str, **body: Any) -> None:
        answer = await members.ask_member(request(members, "etcd-0", path, 10.0, body))
        assert answer.status == 200, answer

    await tell("/v3/auth/user/add", name="root", password="secret")
    await tell("/v3/auth/role/add", name="root")
    await tell("/v3/auth/user/grant", user="root", role="root")
    await tell("/v3/auth/enable")
    async with asyncio.timeout(180):
        with pytest.raises(SubjectError, match=r"user name is empty\): this etcd asks for a user, and we have none"):
            await subject.reset()
