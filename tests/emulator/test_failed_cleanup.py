"""A fault that cannot be undone: its subject stays locked, people are told, and `evalcampaign unlock` is the way on."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner, Result

from bench.scripted import Script
from controller.campaign import lifecycle
from controller.cli.app import app
from subjects.protocol import SubjectError
from tests.emulator.objects import Key
from tests.emulator.stage import Stage, together
from tests.support.waiting import eventually

STUBBORN = SubjectError("the pod will not go")

COMMAND = "`evalcampaign unlock scripted/subject`"


async def failed(running: Stage, name: str = "c") -> Key:
    """A campaign that ended with its fault not undone."""
    running.lab.scripts["subject"].cleanup_error = STUBBORN
    key = running.apply(name)
    await running.until(key, "Failed")
    return key


async def unlock(running: Stage, *more: str) -> Result:
    """As a person would, in the controller's pod."""
    command = ["unlock", "scripted/subject", "--yes", "--db", running.url, *more]
    return await asyncio.to_thread(CliRunner().invoke, app, command)


async def test_people_are_told_what_is_left_and_what_to_do(running: Stage) -> None:
    key = await failed(running)
    target = running.attempts(key)[0].target
    told = f"scripted/subject stays locked until {COMMAND}: node_kill on {target} could not be undone: {STUBBORN}"
    assert running.status(key)["message"] == told
    assert running.condition(key, "CleanupFailed") == ("True", "CleanupFailed")
    await eventually(lambda: ("Warning", "CleanupFailed") in running.events(key))
    (event,) = running.warnings(key)
    assert event["message"] == told


async def test_whoever_waits_for_the_subject_reads_why_and_what_to_do(running: Stage) -> None:
    await failed(running)
    waiting = running.apply("waiting")
    status = await running.until(waiting, "Queued")
    assert status["message"].startswith("campaign default/c has ended and keeps the subject: scripted/subject stays ")
    assert COMMAND in status["message"] and str(STUBBORN) in status["message"]


async def test_unlocked_the_subject_goes_to_the_next_and_the_status_no_longer_claims_it(running: Stage) -> None:
    key = await failed(running)
    waiting = running.apply("waiting")
    await running.until(waiting, "Queued")
    running.lab.scripts["subject"].cleanup_error = None
    unlocked = await unlock(running)
    assert unlocked.exit_code == 0, unlocked.output
    await running.until(waiting, "Complete")
    await eventually(lambda: running.condition(key, "SubjectLocked") == ("False", "Released"))
    assert running.condition(key, "CleanupFailed") == ("True", "CleanupFailed")
    assert running.status(key)["message"].startswith("unlocked by hand at ")
    assert running.locks() == []


async def test_while_the_holder_runs_nothing_is_unlocked(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    refused = await unlock(running)
    assert refused.exit_code == 1 and "campaign default/c is Running" in refused.stderr
    assert running.locks() == ["default/c"]
    running.delete(key)
    await running.gone(key)


async def test_deleted_after_that_it_goes_without_touching_what_is_no_longer_its_own(running: Stage) -> None:
    key = await failed(running)
    assert (await unlock(running)).exit_code == 0
    cleanups = running.lab.worlds["subject"].cleanups
    running.delete(key)
    await running.gone(key)
    assert running.lab.worlds["subject"].cleanups == cleanups
    assert running.row(key).deleted_at is not None
    assert "its subject was unlocked by hand before that" in running.last_status(key)["message"]


async def test_a_deletion_gives_up_in_the_end_and_the_subject_stays_locked(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DELETION_TIMEOUT_SECONDS", 2)
    key = await failed(running)
    waiting = running.apply("waiting")
    running.delete(key)
    await eventually(lambda: "Deletion waits" in running.status(key)["message"])
    await running.gone(key)
    assert "The campaign goes, and its subject stays locked" in running.last_status(key)["message"]
    assert running.locks() == ["default/c"] and running.row(key).deleted_at is not None
    assert COMMAND in (await running.until(waiting, "Queued"))["message"]
    running.lab.scripts["subject"].cleanup_error = None
    unlocked = await unlock(running)
    assert unlocked.exit_code == 0 and "Its object was deleted" in unlocked.stdout
    await running.until(waiting, "Complete")


async def test_where_somebody_drops_the_finalizer_the_subject_stays_locked_too(running: Stage) -> None:
    key = await failed(running)
    running.delete(key)
    running.api.objects.merge(key, {"metadata": {"finalizers": None}})
    await eventually(lambda: running.row(key).deleted_at is not None)
    assert running.locks() == ["default/c"]


async def test_a_controller_in_the_cluster_tries_again_when_it_starts(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DELETION_TIMEOUT_SECONDS", 0)
    key = await failed(running)
    running.delete(key)
    await running.gone(key)
    await running.stop()
    assert running.locks() == ["default/c"] and not running.clean()
    running.lab.scripts["subject"].cleanup_error = None
    monkeypatch.setattr(lifecycle, "records_are_of_this_cluster", lambda services: True)
    await running.start()
    await eventually(lambda: running.locks() == [])
    assert running.clean()


async def test_deleted_while_no_controller_ran_a_cleanup_that_fails_is_announced_as_well(running: Stage) -> None:
    script = running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    script.cleanup_error = STUBBORN
    with running.api.away():
        running.delete(key)
        await running.stop()
    await running.start()
    await eventually(lambda: ("Warning", "CleanupFailed") in running.events(key))
    assert running.exists(key) and running.locks() == ["default/c"]
    script.cleanup_error = None
    await running.gone(key)


async def test_a_cleanup_that_fails_keeps_the_subject_locked_and_the_deletion_waiting(running: Stage) -> None:
    script = running.lab.scripts["subject"]
    script.cleanup_error = SubjectError("the pod will not go")
    key = running.apply()
    status = await running.until(key, "Failed")
    assert "the pod will not go" in status["message"]
    assert running.condition(key, "CleanupFailed") == ("True", "CleanupFailed")
    assert running.condition(key, "SubjectLocked") == ("True", "Held")
    assert running.locks() == ["default/c"]
    other = running.apply("other")
    await running.until(other, "Queued")

    running.delete(key)
    await eventually(lambda: "Deletion waits" in running.status(key)["message"])
    assert running.condition(key, "CleanupFailed") == ("True", "CleanupFailed")
    assert running.condition(key, "SubjectLocked") == ("True", "Held")
    script.cleanup_error = None
    await together(running.gone(key), running.until(other, "Complete"))
    assert running.clean() and running.locks() == []


async def test_a_failed_cleanup_is_still_shown_after_a_restart(running: Stage) -> None:
    running.lab.scripts["subject"].cleanup_error = SubjectError("the pod will not go")
    key = running.apply()
    await running.until(key, "Failed")
    await running.stop()
    before = running.status(key)
    await running.start()
    other = running.apply("other")
    await running.until(other, "Queued")
    assert running.status(key) == before
    assert running.locks() == ["default/c"]


@pytest.mark.parametrize("restart", [False, True], ids=["at once", "with a restart in between"])
async def test_a_deletion_waits_for_a_cleanup_that_fails_in_mid_trial(running: Stage, restart: bool) -> None:
    script = running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    script.cleanup_error = SubjectError("the pod will not go")
    running.delete(key)
    await eventually(lambda: "Deletion waits" in running.status(key)["message"])
    if restart:
        await running.stop()
        await running.start()
    tries = running.lab.worlds["subject"].cleanups
    await eventually(lambda: running.lab.worlds["subject"].cleanups > tries + 1)
    assert running.exists(key) and running.locks() == ["default/c"] and not running.clean()
    script.cleanup_error = None
    await running.gone(key)
    assert running.clean() and running.locks() == []
    assert running.outcomes(key) == [(1, 1, "Aborted")]
