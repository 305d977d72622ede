"""Being told to stop: at once, completely, and without losing what was finished."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controller.api import Controls
from controller.attempt.outcome import StopReason
from controller.attempt.stopping import Paused, PauseSwitch, Stopped, StopSignal
from controller.attempt.verdicts import VerdictQueue
from controller.campaign.control import Control
from tests.unit.driver.samples import START


async def test_work_that_ends_by_itself_is_returned_or_raised() -> None:
    async def fails() -> None:
        raise ValueError("mine")

    assert await StopSignal().guard(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="mine"):
        await StopSignal().guard(fails())


async def test_a_signal_cancels_the_work_and_waits_until_it_is_gone() -> None:
    stop, story = StopSignal(), []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            story.append("put away")

    guarding = asyncio.create_task(stop.guard(work()))
    await asyncio.sleep(0)
    stop.fire(StopReason.EXITING)
    with pytest.raises(Stopped):
        await guarding
    assert story == ["put away"]


async def test_once_fired_no_work_begins() -> None:
    stop, begun = StopSignal(), []
    stop.fire(StopReason.DELETED)

    async def work() -> None:
        begun.append(True)

    with pytest.raises(Stopped):
        await stop.guard(work())
    with pytest.raises(Stopped):
        stop.check()
    assert begun == []


async def test_the_first_reason_counts() -> None:
    stop = StopSignal()
    stop.fire(StopReason.EXITING)
    stop.fire(StopReason.DELETED)
    assert stop.reason is StopReason.EXITING


async def test_a_cancellation_from_outside_reaches_the_work() -> None:
    stop, cancelled = StopSignal(), []

    async def work() -> None:
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


async def test_a_stop_that_comes_together_with_a_verdict_is_not_lost() -> None:
    stream = VerdictQueue(lambda: START)

    async def look_on_for_ever() -> None:
        while True:
            await stream.next()

    looking = asyncio.create_task(look_on_for_ever())
    await asyncio.sleep(0.01)
    stream._queue.put_nowait(None)
    looking.cancel()
    done, _ = await asyncio.wait({looking}, timeout=60)
    assert done, "the cancellation was swallowed"


async def test_a_pause_breaks_off_what_it_guards_as_often_as_it_is_turned_on() -> None:
    switch = PauseSwitch()
    for _ in range(2):
        guarding = asyncio.create_task(switch.guard(asyncio.sleep(60)))
        await asyncio.sleep(0)
        switch.turn(True)
        with pytest.raises(Paused):
            await guarding
        with pytest.raises(Paused):
            switch.check()
        switch.turn(False)
        await switch.off()
        assert await switch.guard(asyncio.sleep(0, "done")) == "done"


async def test_whoever_waits_for_the_end_of_a_pause_is_woken_by_it() -> None:
    switch = PauseSwitch()
    switch.turn(True)
    waiting = asyncio.create_task(switch.off())
    await asyncio.sleep(0)
    assert not waiting.done()
    switch.turn(False)
    await waiting


@pytest.mark.parametrize(
    ("asked", "raised"),
    [
        (Controls(suspend=True), Paused),
        (Controls(abort=True), Stopped),
        (Controls(abort=True, suspend=True), Stopped),
    ],
)
@pytest.mark.parametrize("created_so", [True, False])
async def test_what_is_asked_breaks_off_waiting_and_an_abort_counts_for_more(
    asked: Controls, raised: type[Any], created_so: bool
) -> None:
    control = Control(asked if created_so else Controls())
    guarding = asyncio.create_task(control.guard(asyncio.sleep(60)))
    await asyncio.sleep(0)
    control.apply_spec(asked)
    with pytest.raises(raised):
        await guarding


async def test_an_abort_cannot_be_taken_back_and_does_not_make_the_driver_go() -> None:
    control = Control(Controls(abort=True))
    control.apply_spec(Controls(abort=False))
    assert (control.stop.reason, control.shutdown.reason) == (StopReason.ABORTED, None)
    control.shut_down(StopReason.EXITING)
    assert (control.stop.reason, control.shutdown.reason) == (StopReason.ABORTED, StopReason.EXITING)


async def test_what_ends_in_time_is_not_overdue_and_what_does_not_is() -> None:
    control = Control(Controls())
    with control.time_limit(None):
        await asyncio.sleep(0)
    with control.time_limit(60):
        await asyncio.sleep(0)
    assert control.stop.reason is None
    with control.time_limit(0), pytest.raises(Stopped):
        await control.stop.guard(asyncio.sleep(60))
    assert control.stop.reason is StopReason.OVERDUE
