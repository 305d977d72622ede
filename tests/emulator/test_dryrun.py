"""A dry run shows what would be hit, and touches nothing."""

from __future__ import annotations

from bench.scripted import Script
from subjects.protocol import SubjectError
from tests.emulator.stage import Stage
from tests.support.waiting import eventually


async def test_it_shows_the_targets_that_the_same_campaign_then_hits(running: Stage) -> None:
    rehearsal = running.apply("rehearsal", trials=3, seed=7, dryRun=True)
    status = await running.until(rehearsal, "Complete")
    assert running.condition(rehearsal, "Complete") == running.condition(rehearsal, "Finished") == ("True", "DryRun")
    assert running.attempts(rehearsal) == [] and running.lab.worlds["subject"].injected == []
    real = running.apply("real", trials=3, seed=7)
    await running.until(real, "Complete")
    hit = [(each.trial, each.seed, each.target) for each in running.attempts(real)]
    assert [(plan["trial"], plan["seed"], plan["target"]) for plan in status["plans"]] == hit
    targets = ", ".join(target for _, _, target in hit)
    assert status["message"] == f"nothing was touched; as it stands now, its 3 trials hit {targets}"
    assert "gracePeriodSeconds=1" in status["plans"][0]["facts"]
    await eventually(lambda: running.events(rehearsal) == [("Normal", "DryRun")])


async def test_of_many_trials_it_shows_the_first_ten_also_after_a_restart(running: Stage) -> None:
    key = running.apply(trials=50, dryRun=True)
    before = await running.until(key, "Complete")
    assert [plan["trial"] for plan in before["plans"]] == list(range(1, 11))
    assert "the first 10 of 50 trials hit m-" in before["message"]
    await running.stop()
    await running.start()
    await running.until(running.apply("other"), "Complete")
    assert running.status(key) == before


async def test_it_waits_for_permission_and_for_nobody_who_has_the_subject(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    holder = running.apply("holder", observeSeconds=60)
    await running.until_hurt()
    await running.until(running.apply("beside", dryRun=True), "Complete")
    assert running.locks() == ["default/holder"] and running.status(holder)["phase"] == "Running"
    refused = running.apply("refused", subject="nowhere", dryRun=True)
    await running.until(refused, "Pending")
    running.change(refused, abort=True)
    await running.until(refused, "Aborted")


async def test_where_nothing_can_be_planned_it_fails_and_says_why(running: Stage) -> None:
    running.lab.scripts["subject"].plan_error = SubjectError("there is no leader")
    key = running.apply(dryRun=True)
    status = await running.until(key, "Failed")
    assert running.condition(key, "Failed") == ("True", "NoPlan")
    assert status["message"] == "trial 1 could not be planned as the subject stands now: there is no leader"
