"""The course of a campaign that nothing disturbs, as people and the records see it."""

from __future__ import annotations

from bench.scripted import Script
from tests.emulator.stage import Stage, together


async def test_a_campaign_is_applied_runs_and_completes(running: Stage) -> None:
    key = running.apply(trials=2)
    status = await running.until(key, "Complete", "Failed")
    assert running.phases(key) in (["Running", "Complete"], ["Pending", "Running", "Complete"])
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
    assert status["summary"] == {
        "planned": 2,
        "done": 2,
        "progress": "2/2",
        "scored": 2,
        "recovered": 2,
        "outcomes": {"SelfHealed": 2},
    }
    assert status["rates"]["recovered"] == "2/2 (100%)"
    assert status["observedGeneration"] == 1
    assert "current" not in status
    assert running.clean() and running.locks() == []


async def test_the_conditions_tell_how_it_ended(running: Stage) -> None:
    key = running.apply()
    await running.until(key, "Complete")
    told = {each["type"]: (each["status"], each["reason"]) for each in running.status(key)["conditions"]}
    assert told == {
        "Accepted": ("True", "Accepted"),
        "SubjectLocked": ("False", "Released"),
        "Progressing": ("False", "AllTrialsDone"),
        "Complete": ("True", "AllTrialsDone"),
        "Failed": ("False", "AllTrialsDone"),
        "Finished": ("True", "AllTrialsDone"),
    }


async def test_each_transition_and_each_attempt_is_told_by_one_event(running: Stage) -> None:
    key = running.apply(trials=2)
    await running.until(key, "Complete")
    await running.stop()
    await running.start()
    await running.until(running.apply("other"), "Complete")
    assert running.events(key) == [
        ("Normal", "TrialsRunning"),
        ("Normal", "TrialSelfHealed"),
        ("Normal", "TrialSelfHealed"),
        ("Normal", "AllTrialsDone"),
    ]


async def test_a_finished_campaign_is_deleted_and_its_rows_stay(running: Stage) -> None:
    key = running.apply()
    await running.until(key, "Complete")
    assert running.api.objects.get(key)["metadata"]["finalizers"] == ["evalcampaign.dev/finalizer"]
    running.delete(key)
    await running.gone(key)
    assert running.row(key).deleted_at is not None
    assert running.row(key).phase.value == "Complete"
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]


async def test_a_subject_that_does_not_heal_is_reported_so_and_undone(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=0.3)
    status = await running.until(key, "Complete")
    assert status["rates"]["recovered"] == "0/1 (0%)"
    assert status["rates"]["medianTimeToRecover"] == ">0.3s"
    assert running.clean()


async def test_two_campaigns_on_one_subject_run_one_after_the_other(running: Stage) -> None:
    first = running.apply("first", trials=3)
    await running.until(first, "Running")
    second = running.apply("second")
    queued = await running.until(second, "Queued")
    assert queued["message"] == "campaign default/first has the subject"
    assert running.condition(second, "SubjectLocked") == ("False", "HeldByAnother")
    await together(running.until(first, "Complete"), running.until(second, "Complete"))
    assert max(each.ended_at for each in running.attempts(first)) <= running.attempts(second)[0].started_at


async def test_campaigns_on_different_subjects_run_side_by_side(running: Stage) -> None:
    names = ["s-1", "s-2", "s-3"]
    for name in names:
        running.namespace(name)
        running.lab.scripts[name] = Script(heal_after=0.5)
    keys = [running.apply(name, subject=name) for name in names]
    await together(*(running.until(key, "Complete") for key in keys))
    (one,), (two,), (three,) = (running.attempts(key) for key in keys)
    assert max(one.started_at, two.started_at, three.started_at) < min(one.ended_at, two.ended_at, three.ended_at)


async def test_a_finished_campaign_stays_as_it_is_when_the_controller_starts_again(running: Stage) -> None:
    key = running.apply()
    await running.until(key, "Complete")
    await running.stop()
    before = running.api.objects.get(key)
    await running.start()
    other = running.apply("other")
    await running.until(other, "Complete")
    assert running.api.objects.get(key) == before
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]


async def test_the_writes_and_requests_of_a_trial_are_bounded(running: Stage) -> None:
    key = running.apply(trials=1)
    await running.until(key, "Complete")
    short = _requests(running)
    other = running.apply("other", trials=6)
    await running.until(other, "Complete")
    statuses, all_ = (after - before for after, before in zip(_requests(running), short, strict=True))
    # A trial has eight steps and may pass them in less than the pace of status writes.
    assert statuses <= 8 * 6 + 4
    assert all_ <= 11 * 6 + 12


def _requests(stage: Stage) -> tuple[int, int]:
    requests = list(stage.api)
    return sum(request.subresource == "status" for request in requests), len(requests)
