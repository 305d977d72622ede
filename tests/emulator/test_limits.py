"""Pauses between attempts, and limits on how long an attempt, all of them, or the wait for permission may take."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scripted import Script
from tests.emulator.stage import Stage
from tests.support.waiting import eventually


async def cooling(stage: Stage, key: Any) -> None:
    """Wait until the status says that it cools down."""
    await eventually(lambda: "cooling down, the next attempt begins at 2" in stage.status(key).get("message", ""))


async def test_between_two_attempts_the_subject_is_left_in_peace(running: Stage) -> None:
    key = running.apply(trials=2, cooldownSeconds=0.7)
    await cooling(running, key)
    assert running.locks() == ["default/c"] and running.condition(key, "Progressing") == ("True", "TrialsRunning")
    await running.until(key, "Complete")
    first, second = running.attempts(key)
    assert (second.started_at - first.ended_at).total_seconds() >= 0.7
    assert "cooling" not in running.status(key)["message"]


@pytest.mark.parametrize(("asked", "phase"), [({"suspend": True}, "Suspended"), ({"abort": True}, "Aborted")])
async def test_a_pause_between_attempts_is_broken_off_at_once(running: Stage, asked: Any, phase: Any) -> None:
    key = running.apply(trials=2, cooldownSeconds=3600)
    await cooling(running, key)
    running.change(key, **asked)
    status = await running.until(key, phase)
    assert "cooling" not in status["message"] and running.locks() == []
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]


async def test_a_pause_between_attempts_holds_up_neither_the_end_of_the_controller_nor_a_deletion(
    running: Stage,
) -> None:
    key = running.apply(trials=2, cooldownSeconds=3600)
    await cooling(running, key)
    await running.stop()
    await running.start()
    await cooling(running, key)
    running.delete(key)
    await running.gone(key)


async def test_after_the_last_trial_there_is_no_pause(running: Stage) -> None:
    key = running.apply(cooldownSeconds=3600)
    await running.until(key, "Complete")


async def test_an_attempt_that_takes_too_long_in_all_is_made_again(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(reset_takes=60)
    key = running.apply(deadlines={"attemptSeconds": 0.1}, maxInfraErrors=1)
    await running.until(key, "Failed")
    assert running.outcomes(key) == [(1, 1, "InfraError"), (1, 2, "InfraError")]
    assert running.attempts(key)[0].error == "the attempt was not done within 0.1 s"


async def test_when_all_attempts_have_taken_too_long_the_campaign_fails_and_is_undone(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60, activeDeadlineSeconds=0.5)
    status = await running.until(key, "Failed")
    assert running.condition(key, "Failed") == running.condition(key, "Finished") == ("True", "DeadlineExceeded")
    assert status["message"].startswith("the attempts have taken activeDeadlineSeconds (0.5 s) in all; 0 of 1 trials")
    assert running.outcomes(key) == [(1, 1, "Aborted")]
    assert running.clean() and running.locks() == []


async def test_what_attempts_took_before_a_restart_counts(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60, activeDeadlineSeconds=3600)
    await running.until_hurt()
    await running.stop()
    running.backdate(key, seconds=3600)
    await running.start()
    await running.until(key, "Failed")
    assert running.condition(key, "Failed") == ("True", "DeadlineExceeded")
    assert running.outcomes(key) == [(1, 1, "Interrupted")]


async def test_waiting_and_being_suspended_cost_nothing_of_the_deadline(running: Stage) -> None:
    key = running.apply(subject="nowhere", activeDeadlineSeconds=0.001)
    await running.until(key, "Pending")
    running.change(key, suspend=True)
    await running.until(key, "Suspended")
    running.change(key, suspend=False)
    await running.until(key, "Pending")
    running.namespace("nowhere")
    await running.until(key, "Failed")
    assert len(running.attempts(key)) == 1, "it had all of its time when it began"


async def test_the_wait_for_permission_is_counted_over_a_restart(running: Stage) -> None:
    key = running.apply(subject="nowhere", startDeadlineSeconds=3600)
    await running.until(key, "Pending")
    await running.stop()
    conditions = running.status(key)["conditions"]
    (accepted,) = (each for each in conditions if each["type"] == "Accepted")
    accepted["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    running.api.objects.merge(key, {"status": {"conditions": conditions}}, "status")
    await running.start()
    await running.until(key, "Failed")
    assert running.condition(key, "Accepted") == ("False", "StartDeadlineExceeded")


async def test_a_restart_alone_does_not_change_since_when_it_is_refused(running: Stage) -> None:
    key = running.apply(subject="nowhere")
    await running.until(key, "Pending")
    before = running.status(key)
    await running.stop()
    await running.start()
    other = running.apply("other")
    await running.until(other, "Complete")
    assert running.status(key) == before
