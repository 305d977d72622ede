"""One campaign at a time per subject, the oldest first, and the holder stays the holder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller.api import CampaignSpec
from controller.campaign import locks
from controller.campaign.locks import Blocker, LockQueue
from controller.records import Records
from tests.support.waiting import eventually
from tests.unit.driver.samples import at


class Line:
    """A queue on real records, and campaigns that stand in it."""

    def __init__(self, records: Any) -> None:
        self.records = records
        self.queue = LockQueue(records, lambda: at(99))
        self.told: dict[Any, Any] = {}
        self.blockers: dict[Any, Any] = {}
        self.tasks: dict[Any, Any] = {}

    async def join(self, name: Any, born: Any, namespace: str = "s", workloads: Any = ()) -> None:
        spec = CampaignSpec(subject={"type": "scripted", "namespace": namespace}, chaos={"type": "node_kill"})
        row = await self.records.ensure_campaign(f"uid-{name}", "default", name, spec, at(born))

        async def on_wait(blocker: Any) -> None:
            self.told[name] = blocker.campaign
            self.blockers[name] = blocker

        async def needs() -> Any:
            return workloads

        self.tasks[name] = asyncio.create_task(self.queue.acquire(row, on_wait, needs))
        await eventually(lambda: name in self.told or self.tasks[name].done())

    def holds(self, name: Any) -> Any:
        return self.tasks[name].done() and not self.tasks[name].cancelled()

    async def release(self, name: Any) -> None:
        await self.records.release_lock(f"uid-{name}")
        self.queue.notify()


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(locks, "POLL_SECONDS", 60)  # only a wake-up helps
    records = await Records.open(f"sqlite:///{tmp_path}/records.db")
    made = Line(records)
    yield made
    for task in made.tasks.values():
        task.cancel()
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    await records.close()


async def test_the_first_to_come_holds_it_and_the_others_are_told_who_does(line: Any) -> None:
    await line.join("a", born=1)
    await line.join("b", born=0)
    assert line.holds("a") and not line.holds("b")
    assert line.told == {"b": "default/a"}


async def test_it_goes_to_the_oldest_whoever_looks_first(line: Any) -> None:
    await line.join("a", born=0)
    await line.join("young", born=9)
    await line.join("old", born=1)
    await line.release("a")
    await eventually(lambda: line.holds("old"))
    assert not line.holds("young")
    await line.release("old")
    await eventually(lambda: line.holds("young"))


async def test_different_subjects_do_not_wait_for_each_other(line: Any) -> None:
    await line.join("a", born=0)
    await line.join("b", born=1, namespace="other")
    assert line.holds("a") and line.holds("b")


async def test_after_a_restart_the_holder_finds_itself_the_holder_wherever_it_stands(line: Any) -> None:
    await line.join("holder", born=5)
    line.queue = LockQueue(line.records, lambda: at(99))
    await line.join("older", born=1)
    await line.join("holder", born=5)
    assert line.holds("holder") and not line.holds("older")


async def test_one_that_leaves_the_line_lets_the_next_one_through(line: Any) -> None:
    await line.join("a", born=0)
    await line.join("gone", born=1)
    await line.join("b", born=2)
    line.tasks["gone"].cancel()
    await asyncio.gather(line.tasks["gone"], return_exceptions=True)
    await line.release("a")
    await eventually(lambda: line.holds("b"))


async def test_a_release_during_the_look_is_not_missed(line: Any) -> None:
    await line.join("a", born=0)
    take = line.records.acquire_locks

    async def released_meanwhile(*args: Any) -> Any:
        answer = await take(*args)
        await line.release("a")
        return answer

    line.records.acquire_locks = released_meanwhile
    await line.join("b", born=1)
    await eventually(lambda: line.holds("b"))


W1, W2 = "deployment/agents/a", "deployment/agents/b"


async def test_one_campaign_at_a_time_has_an_agents_deployment_whatever_they_break(line: Any) -> None:
    await line.join("a", born=0, workloads=[W1])
    await line.join("b", born=1, namespace="other", workloads=[W1])
    assert line.holds("a") and not line.holds("b")
    assert line.blockers["b"] == Blocker(W1, "uid-a", "default/a")
    assert [lock.subject for lock in await line.records.locks()] == [W1, "scripted/s"], "who waits holds nothing"
    await line.release("a")
    await eventually(lambda: line.holds("b"))


async def test_two_that_need_what_the_other_has_cannot_wait_for_each_other(line: Any) -> None:
    await line.join("a", born=0)
    await line.join("b", born=1, namespace="other", workloads=[W1])
    for name in "ab":
        assert line.holds(name)
    # Both want more now, as an arm does whose other arm has come: whoever cannot have it all lets go of what it has.
    await line.join("a", born=0, workloads=[W1])
    assert not line.holds("a")
    assert {lock.campaign_uid for lock in await line.records.locks()} == {"uid-b"}
    await line.join("b", born=1, namespace="other", workloads=[W1, W2])
    await eventually(lambda: line.holds("a"))
    assert not line.holds("b")
    await line.release("a")
    await eventually(lambda: line.holds("b"))


async def test_nobody_younger_takes_one_of_two_things_from_under_one_that_waits_for_both(line: Any) -> None:
    await line.join("holder", born=0, namespace="other", workloads=[W1])
    await line.join("both", born=1, workloads=[W1])
    await line.join("young", born=2)
    assert not line.holds("both") and not line.holds("young")
    assert line.blockers["young"] == Blocker("scripted/s", "uid-both", "default/both", queued=True)
    await line.release("holder")
    await eventually(lambda: line.holds("both"))
    await line.release("both")
    await eventually(lambda: line.holds("young"))


async def test_what_is_needed_no_more_is_let_go(line: Any) -> None:
    await line.join("a", born=0, workloads=[W1, W2])
    await line.join("a", born=0, workloads=[W1])
    assert line.holds("a")
    assert [lock.subject for lock in await line.records.locks()] == [W1, "scripted/s"]


async def test_who_comes_first_is_in_line_before_it_knows_all_that_it_needs(line: Any) -> None:
    asked = asyncio.Event()

    async def slow() -> Any:
        await asyncio.sleep(0.05)
        asked.set()
        return [W1]

    spec = CampaignSpec(subject={"type": "scripted", "namespace": "s"}, chaos={"type": "node_kill"})
    row = await line.records.ensure_campaign("uid-slow", "default", "slow", spec, at(0))

    async def on_wait(blocker: Any) -> None:
        raise AssertionError(f"nobody is in its way: {blocker}")

    line.tasks["slow"] = asyncio.create_task(line.queue.acquire(row, on_wait, slow))
    await asyncio.sleep(0)
    await line.join("young", born=9)
    await line.tasks["slow"]
    assert asked.is_set() and not line.holds("young")
