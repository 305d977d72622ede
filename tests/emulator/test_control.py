"""Suspending, resuming and aborting: in every phase, together, and across a restart."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scripted import Script
from subjects.protocol import SubjectError
from tests.emulator.stage import Stage, together
from tests.support.waiting import eventually

ABORTED = {"Finished": ("True", "Aborted"), "Complete": ("False", "Aborted"), "Failed": ("False", "Aborted")}


async def aborted(stage: Stage, key: Any) -> None:
    """Wait until it is, and check that nothing of it is left and that the status says all of it."""
    await stage.until(key, "Aborted")
    assert {type_: stage.condition(key, type_) for type_ in ABORTED} == ABORTED
    assert stage.condition(key, "SubjectLocked") == ("False", "Released")
    assert stage.clean() and f"{key[1]}/{key[2]}" not in stage.locks()
    generation = stage.api.objects.get(key)["metadata"]["generation"]
    assert stage.status(key)["observedGeneration"] == generation


async def test_aborted_in_mid_trial_it_is_undone_closed_and_kept(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(trials=3, observeSeconds=60)
    await running.until_hurt()
    running.change(key, abort=True)
    await aborted(running, key)
    assert running.outcomes(key) == [(1, 1, "Aborted")]
    assert running.status(key)["message"] == "aborted by spec.abort; 0 of 3 trials are done"
    await eventually(lambda: ("Normal", "Aborted") in running.events(key))


@pytest.mark.parametrize("step", ["reset", "await_healthy"])
async def test_aborted_before_the_injection_nothing_is_broken(running: Stage, step: str) -> None:
    running.lab.scripts["subject"] = Script(reset_takes=60 if step == "reset" else 0, healthy_at_first=False)
    key = running.apply()
    await running.until_step(key, step)
    running.change(key, abort=True)
    await aborted(running, key)
    assert running.lab.worlds["subject"].injected == []


async def test_what_was_done_before_an_abort_counts(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.05)
    key = running.apply(trials=1000)
    await eventually(lambda: running.status(key).get("summary", {}).get("done", 0) >= 2)
    running.change(key, abort=True)
    await aborted(running, key)
    status = running.status(key)
    assert status["summary"]["outcomes"]["SelfHealed"] >= 2 and status["rates"]["recoveryRate"] == "1.0000"


async def test_aborted_while_pending_queued_or_suspended_it_ends_at_once(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    holder = running.apply("holder", observeSeconds=60)
    await running.until_hurt()
    waiting = {
        "Pending": running.apply("pending", subject="nowhere"),
        "Queued": running.apply("queued"),
        "Suspended": running.apply("suspended", suspend=True),
    }
    await together(*(running.until(key, phase) for phase, key in waiting.items()))
    for key in waiting.values():
        running.change(key, abort=True)
    await together(*(running.until(key, "Aborted") for key in waiting.values()))
    assert [running.attempts(key) for key in waiting.values()] == [[], [], []]
    assert running.locks() == ["default/holder"] and running.status(holder)["phase"] == "Running"


async def test_abort_wins_over_suspend(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    running.change(key, suspend=True, abort=True)
    await aborted(running, key)
    assert "Suspended" not in running.phases(key)


async def test_created_with_abort_it_ends_without_touching_anything(running: Stage) -> None:
    key = running.apply(abort=True, suspend=True)
    await aborted(running, key)
    assert running.phases(key) == ["Aborted"] and running.attempts(key) == []
    assert running.lab.worlds["subject"].injected == []


async def test_an_abort_whose_cleanup_fails_ends_failed_and_keeps_the_subject(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None, cleanup_error=SubjectError("the pod will not go"))
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    running.change(key, abort=True)
    await running.until(key, "Failed")
    assert running.condition(key, "CleanupFailed") == ("True", "CleanupFailed")
    assert running.locks() == ["default/c"] and running.outcomes(key) == [(1, 1, "Aborted")]


async def test_an_aborted_campaign_can_be_deleted(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    running.change(key, abort=True)
    running.delete(key)
    await running.gone(key)
    assert running.clean() and running.outcomes(key) == [(1, 1, "Aborted")]


async def test_suspended_in_mid_trial_it_ends_the_trial_lets_go_and_goes_on_later(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(trials=2, observeSeconds=0.6)
    await running.until_hurt()
    running.change(key, suspend=True)
    await eventually(lambda: "to be suspended as soon as this attempt has ended" in running.status(key)["message"])
    await running.until(key, "Suspended")
    assert running.outcomes(key) == [(1, 1, "NotHealed")]
    assert running.condition(key, "SubjectLocked") == ("False", "Released")
    assert running.condition(key, "Finished") == running.condition(key, "Progressing") == ("False", "Suspended")
    assert running.locks() == [] and running.clean()
    assert running.status(key)["observedGeneration"] == 2

    running.change(key, suspend=False)
    await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "NotHealed"), (2, 1, "NotHealed")]
    assert running.phases(key) == ["Running", "Suspended", "Running", "Complete"]


async def test_a_suspension_taken_back_before_the_trial_has_ended_changes_nothing(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.5)
    key = running.apply(trials=2)
    await running.until_hurt()
    running.change(key, suspend=True)
    await eventually(lambda: running.status(key)["observedGeneration"] == 2)
    running.change(key, suspend=False)
    await running.until(key, "Complete")
    assert running.phases(key) == ["Running", "Complete"]


async def test_a_suspended_campaign_waits_in_line_again(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.3)
    first = running.apply("first", trials=2)
    await running.until_hurt()
    second = running.apply("second", observeSeconds=60)
    await running.until(second, "Queued")
    running.lab.scripts["subject"].heal_after = None
    running.change(first, suspend=True)
    running.lab.worlds["subject"].hurt = False
    running.lab.worlds["subject"].touch()
    await running.until(first, "Suspended")
    await running.until(second, "Running")
    running.change(first, suspend=False)
    await running.until(first, "Queued")
    assert running.condition(first, "SubjectLocked") == ("False", "HeldByAnother")
    running.lab.scripts["subject"].heal_after = 0.05
    running.change(second, abort=True)
    await together(running.until(second, "Aborted"), running.until(first, "Complete"))


async def test_created_suspended_it_waits_and_stays_so_over_a_restart(running: Stage) -> None:
    key = running.apply(suspend=True)
    await running.until(key, "Suspended")
    await running.stop()
    await running.start()
    other = running.apply("other")
    await running.until(other, "Complete")
    assert running.status(key)["phase"] == "Suspended" and running.attempts(key) == []
    running.change(key, suspend=False)
    await running.until(key, "Complete")


async def test_suspended_while_it_waits_it_stands_aside_at_once(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    holder = running.apply("holder", observeSeconds=60)
    await running.until_hurt()
    pending, queued = running.apply("pending", subject="nowhere"), running.apply("queued")
    await together(running.until(pending, "Pending"), running.until(queued, "Queued"))
    for key in (pending, queued):
        running.change(key, suspend=True)
    await together(running.until(pending, "Suspended"), running.until(queued, "Suspended"))
    assert running.locks() == ["default/holder"] and running.status(holder)["phase"] == "Running"


async def test_suspended_twice_each_time_is_told(running: Stage) -> None:
    key = running.apply(subject="nowhere")
    for suspend in (True, False, True):
        running.change(key, suspend=suspend)
        await running.until(key, "Suspended" if suspend else "Pending")
    await eventually(lambda: running.events(key).count(("Normal", "Suspended")) == 2)


@pytest.mark.parametrize(
    ("asked", "phase", "outcome"),
    [
        ({"abort": True}, "Aborted", "Interrupted"),
        ({"suspend": True}, "Suspended", "Interrupted"),
        ({"abort": True, "suspend": True}, "Aborted", "Interrupted"),
    ],
)
async def test_what_is_asked_while_the_controller_is_away_holds_when_it_is_back(
    running: Any, asked: Any, phase: Any, outcome: Any
) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    await running.stop()
    running.change(key, **asked)
    await running.start()
    await running.until(key, phase)
    assert running.outcomes(key) == [(1, 1, outcome)]
    assert running.clean() and running.locks() == []


async def test_what_is_asked_while_the_api_server_is_away_holds_when_it_is_back(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    with running.api.away():
        running.change(key, abort=True)
    await aborted(running, key)
