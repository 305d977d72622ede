"""Being told to stop: at once, completely, and without losing what was finished."""

from __future__ import annotations

import asyncio

import pytest

from controller.outcome import Stop
from controller.sight import Sight
from controller.stopping import Stopped, StopSignal
from tests.unit.driver.samples import START


async def test_work_that_ends_by_itself_is_returned_or_raised():
    async def fails():
        raise ValueError("mine")

    assert await StopSignal().guard(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="mine"):
        await StopSignal().guard(fails())


async def test_a_signal_cancels_the_work_and_waits_until_it_is_gone():
    stop, story = StopSignal(), []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            story.append("put away")

    guarding = asyncio.create_task(stop.guard(work()))
    await asyncio.sleep(0)
    stop.fire(Stop.EXITING)
    with pytest.raises(Stopped):
        await guarding
    assert story == ["put away"]


async def test_once_fired_no_work_begins():
    stop, begun = StopSignal(), []
    stop.fire(Stop.DELETED)

    async def work():
        begun.append(True)

    with pytest.raises(Stopped):
        await stop.guard(work())
    with pytest.raises(Stopped):
        stop.check()
    assert begun == []


async def test_the_first_reason_counts():
    stop = StopSignal()
    stop.fire(Stop.EXITING)
    stop.fire(Stop.DELETED)
    assert stop.reason is Stop.EXITING


async def test_a_cancellation_from_outside_reaches_the_work():
    stop, cancelled = StopSignal(), []

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    guarding = asyncio.create_task(stop.guard(work()))
    await asyncio.sleep(0.01)
    guarding.cancel()
    await asyncio.gather(guarding, return_exceptions=True)
    assert cancelled == [True]


async def test_a_stop_that_comes_together_with_a_verdict_is_not_lost():
    sight = Sight(lambda: START)

    async def look_on_for_ever():
        while True:
            await sight.next()

    looking = asyncio.create_task(look_on_for_ever())
    await asyncio.sleep(0.01)
    sight._queue.put_nowait(None)
    looking.cancel()
    done, _ = await asyncio.wait({looking}, timeout=1)
    assert done, "the cancellation was swallowed"
