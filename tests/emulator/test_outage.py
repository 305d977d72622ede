"""The API server away, or unwilling: trials go on, nothing is lost, the status catches up."""

from __future__ import annotations

import asyncio

import pytest

from bench.scripted import Script
from tests.emulator.apiserver import is_status_write, is_watch
from tests.emulator.stage import Stage, together
from tests.support.waiting import eventually


@pytest.mark.parametrize("how", ["503", "hang up"])
async def test_away_in_mid_trial_it_costs_nothing(running: Stage, how: str) -> None:
    running.lab.scripts["subject"] = Script(heal_after=1.0)
    key = running.apply(trials=2)
    await running.until_hurt()
    with running.api.away(how):
        await eventually(lambda: running.outcomes(key) == [(1, 1, "SelfHealed")])
        assert running.status(key)["summary"]["done"] == 0
    status = await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
    assert status["summary"]["done"] == 2


@pytest.mark.parametrize("how", ["503", "hang up"])
async def test_away_between_two_trials_the_next_one_waits(running: Stage, how: str) -> None:
    key = running.apply(trials=3)
    await eventually(lambda: running.status(key).get("summary", {}).get("done", 0) >= 1)
    with running.api.away(how):
        await asyncio.sleep(1.0)
        assert len(running.outcomes(key)) < 3
    status = await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed"), (3, 1, "SelfHealed")]
    assert status["summary"]["done"] == 3


async def test_while_campaigns_cannot_be_watched_trials_go_on_and_changes_are_seen_afterwards(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=1.0)
    first = running.apply("first")
    await running.until_hurt()
    with running.api.refusing(lambda request: is_watch(request, "evalcampaigns"), 500):
        await running.api.close_watches()
        await running.until(first, "Complete")
        second = running.apply("second")
        running.delete(first)
        await asyncio.sleep(0.5)
        assert running.exists(first) and running.status(second) == {}
    await together(running.gone(first), running.until(second, "Complete"))
    assert running.outcomes(first) == running.outcomes(second) == [(1, 1, "SelfHealed")]
    assert running.locks() == []


@pytest.mark.parametrize("history", ["kept", "lost"])
async def test_a_watch_that_breaks_off_again_and_again_runs_nothing_twice(running: Stage, history: str) -> None:
    running.api.forgetful = history == "lost"
    key = running.apply(trials=3)
    while running.status(key).get("phase") != "Complete":
        await running.api.close_watches()
        await asyncio.sleep(0.05)
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed"), (3, 1, "SelfHealed")]
    assert len(running.lab.worlds["subject"].injected) == 3


async def test_refused_status_writes_do_not_stop_the_trials_nor_the_events(running: Stage) -> None:
    with running.api.refusing(is_status_write, 422):
        key = running.apply(trials=2)
        await eventually(lambda: running.finished("default", "c"))
        assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
        assert running.status(key) == {}
        await eventually(lambda: ("Normal", "AllTrialsDone") in running.events(key))
    await running.until(key, "Complete")


async def test_a_status_that_somebody_tampered_with_neither_stops_nor_misleads(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.5)
    key = running.apply(trials=2)
    await running.until_hurt()
    running.api.objects.merge(key, {"status": {"phase": "Complete", "summary": {"done": 99}}}, "status")
    await eventually(lambda: running.finished("default", "c"))
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
    await eventually(lambda: running.status(key)["summary"]["done"] == 2)
    assert running.clean() and running.locks() == []


async def test_a_status_that_was_tampered_with_in_our_absence_hides_no_fault(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    await running.stop()
    strange = {"type": "Strange", "status": "Maybe", "reason": "", "message": "", "lastTransitionTime": "today"}
    running.api.objects.merge(key, {"status": {"phase": "Complete", "conditions": [strange]}}, "status")
    running.lab.scripts["subject"].heal_after = 0.05
    await running.start()
    await eventually(lambda: running.finished("default", "c"))
    await eventually(lambda: running.condition(key, "Complete") == ("True", "AllTrialsDone"))
    assert running.outcomes(key) == [(1, 1, "Interrupted"), (1, 2, "SelfHealed")]


async def test_a_campaign_deleted_by_force_and_made_again_is_another_campaign(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    first = running.row(key).uid
    running.api.objects.merge(key, {"metadata": {"finalizers": None}})
    running.delete(key)
    await running.gone(key)
    running.lab.scripts["subject"].heal_after = 0.05
    running.apply()
    await running.until(key, "Complete")
    assert running.outcomes(key, first) == [(1, 1, "Aborted")]
    assert running.unfinished_business() == []
    assert running.clean() and running.locks() == []
