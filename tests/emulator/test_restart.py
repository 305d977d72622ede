"""A controller that is stopped, as at every upgrade, and started again."""

from __future__ import annotations

import pytest

from bench.scripted import Script
from controller.records import RecordsInUse
from tests.emulator.stage import Stage, together
from tests.support.threaded import ThreadedController
from tests.support.waiting import eventually


async def test_stopped_in_mid_trial_it_undoes_the_fault_and_runs_the_trial_again(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(trials=2, observeSeconds=60)
    await running.until_hurt()
    await running.stop()
    assert running.clean()
    assert running.outcomes(key) == [(1, 1, "Interrupted")]
    assert running.status(key)["summary"]["outcomes"] == {"Interrupted": 1}

    running.lab.scripts["subject"].heal_after = 0.05
    await running.start()
    await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "Interrupted"), (1, 2, "SelfHealed"), (2, 1, "SelfHealed")]
    assert len({each.seed for each in running.attempts(key) if each.trial == 1}) == 1


async def test_the_holder_is_still_the_holder_after_a_restart(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    first = running.apply("first", observeSeconds=60)
    await running.until(first, "Running")
    second = running.apply("second")
    await running.until(second, "Queued")
    await running.stop()
    assert running.locks() == ["default/first"]
    running.lab.scripts["subject"].heal_after = 0.05
    await running.start()
    await together(running.until(first, "Complete"), running.until(second, "Complete"))
    assert max(each.ended_at for each in running.attempts(first)) <= running.attempts(second)[0].started_at


async def test_too_many_interruptions_end_the_campaign(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60, maxInterruptions=1)
    for _ in range(2):
        await running.until_hurt()
        await running.stop()
        await running.start()
    status = await running.until(key, "Failed")
    assert status["message"].startswith("2 attempts ended Interrupted, maxInterruptions is 1")
    assert running.condition(key, "Failed") == ("True", "TooManyInterruptions")
    assert running.locks() == []


async def test_too_many_infra_errors_end_the_campaign(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(healthy_at_first=False)
    key = running.apply(maxInfraErrors=1, deadlines={"healthySeconds": 0.1})
    status = await running.until(key, "Failed")
    assert running.outcomes(key) == [(1, 1, "InfraError"), (1, 2, "InfraError")]
    assert status["message"].startswith("2 attempts ended InfraError, maxInfraErrors is 1: await_healthy was not done")
    assert running.condition(key, "Failed") == ("True", "TooManyInfraErrors")
    assert running.condition(key, "Accepted") == ("True", "Accepted")
    assert running.locks() == []


async def test_a_controller_that_is_started_twice_on_one_database_touches_nothing(running: Stage) -> None:
    key = running.apply()
    await eventually(lambda: running.exists(key) and ("Normal", "AllTrialsDone") in running.events(key))
    requests = len(list(running.api))
    with pytest.raises(RecordsInUse, match="Only one may write them"):
        await ThreadedController(running.settings, {}).start()
    assert len(list(running.api)) == requests


async def test_finished_trials_are_not_repeated_after_a_restart(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.2)
    key = running.apply(trials=3)
    await eventually(lambda: running.status(key).get("summary", {}).get("done", 0) >= 1)
    await running.stop()
    await running.start()
    await running.until(key, "Complete")
    outcomes = running.outcomes(key)
    assert [trial for trial, _, outcome in outcomes if outcome == "SelfHealed"] == [1, 2, 3]
