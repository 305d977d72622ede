"""One campaign at a time per subject, the oldest first, and the holder stays the holder."""

from __future__ import annotations

import asyncio

import pytest

from controller.api import CampaignSpec
from controller.campaign import queueing
from controller.campaign.queueing import SubjectQueue
from controller.records import Records
from tests.support.waiting import eventually
from tests.unit.driver.samples import at


class Line:
    """A queue on real records, and campaigns that stand in it."""

    def __init__(self, records):
        self.records = records
        self.queue = SubjectQueue(records, lambda: at(99))
        self.told = {}
        self.tasks = {}

    async def join(self, name, born, namespace="s"):
        spec = CampaignSpec(subject={"type": "scripted", "namespace": namespace}, chaos={"type": "node_kill"})
        row = await self.records.ensure_campaign(f"uid-{name}", "default", name, spec, at(born))

        async def on_wait(lock):
            self.told[name] = lock.campaign

        self.tasks[name] = asyncio.create_task(self.queue.take(row, on_wait))
        await eventually(lambda: name in self.told or self.tasks[name].done())

    def holds(self, name):
        return self.tasks[name].done() and not self.tasks[name].cancelled()

    async def release(self, name):
        await self.records.release_lock(f"uid-{name}")
        self.queue.wake()


@pytest.fixture
async def line(tmp_path, monkeypatch):
    monkeypatch.setattr(queueing, "GLANCE_SECONDS", 60)  # only a wake-up helps
    records = await Records.open(f"sqlite:///{tmp_path}/records.db")
    made = Line(records)
    yield made
    for task in made.tasks.values():
        task.cancel()
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    await records.close()


async def test_the_first_to_come_holds_it_and_the_others_are_told_who_does(line):
    await line.join("a", born=1)
    await line.join("b", born=0)
    assert line.holds("a") and not line.holds("b")
    assert line.told == {"b": "default/a"}


async def test_it_goes_to_the_oldest_whoever_looks_first(line):
    await line.join("a", born=0)
    await line.join("young", born=9)
    await line.join("old", born=1)
    await line.release("a")
    await eventually(lambda: line.holds("old"))
    assert not line.holds("young")
    await line.release("old")
    await eventually(lambda: line.holds("young"))


async def test_different_subjects_do_not_wait_for_each_other(line):
    await line.join("a", born=0)
    await line.join("b", born=1, namespace="other")
    assert line.holds("a") and line.holds("b")


async def test_after_a_restart_the_holder_finds_itself_the_holder_wherever_it_stands(line):
    await line.join("holder", born=5)
    line.queue = SubjectQueue(line.records, lambda: at(99))
    await line.join("older", born=1)
    await line.join("holder", born=5)
    assert line.holds("holder") and not line.holds("older")


async def test_one_that_leaves_the_line_lets_the_next_one_through(line):
    await line.join("a", born=0)
    await line.join("gone", born=1)
    await line.join("b", born=2)
    line.tasks["gone"].cancel()
    await asyncio.gather(line.tasks["gone"], return_exceptions=True)
    await line.release("a")
    await eventually(lambda: line.holds("b"))


async def test_a_release_during_the_look_is_not_missed(line):
    await line.join("a", born=0)
    take = line.records.take_lock

    async def released_meanwhile(*args):
        answer = await take(*args)
        await line.release("a")
        return answer

    line.records.take_lock = released_meanwhile
    await line.join("b", born=1)
    await eventually(lambda: line.holds("b"))
