"""What is refused for good, and what waits until somebody makes it right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.emulator.stage import Stage, together
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("wrong", "reason", "told"),
    [
        ({"type": "cassandra"}, "UnknownSubject", "valid: scripted"),
        ({"chaos": "meteor"}, "UnknownChaos", "valid: node_kill"),
        ({"params": {"gracePeriodSeconds": 99}}, "InvalidParams", "it takes: count, gracePeriodSeconds"),
        ({"params": {"count": 2}}, "QuorumLoss", "node_kill of 2 of 3 members would take the quorum (at most 1)"),
        ({"params": {"count": 4}, "allowQuorumLoss": True}, "InvalidParams", "there are not so many"),
        ({"namespace": "subject"}, "CampaignInSubjectNamespace", "apply it in another namespace"),
    ],
)
async def test_what_cannot_come_right_fails_with_what_would_be_valid(
    running: Any, wrong: Any, reason: Any, told: Any
) -> None:
    key = running.apply(**wrong)
    status = await running.until(key, "Failed")
    assert told in status["message"]
    assert running.condition(key, "Accepted") == ("False", reason)
    assert running.condition(key, "Failed") == running.condition(key, "Finished") == ("True", reason)
    assert running.attempts(key) == []
    await eventually(lambda: running.events(key) == [("Warning", reason)])


async def test_a_quorum_may_be_taken_by_a_campaign_that_says_so(running: Stage) -> None:
    key = running.apply(params={"count": 2}, allowQuorumLoss=True)
    await running.until(key, "Complete")
    (attempt,) = running.attempts(key)
    assert attempt.target is not None and len(set(attempt.target.split(", "))) == 2


async def test_a_refused_campaign_is_still_shown_refused_after_a_restart(running: Stage) -> None:
    key = running.apply(type="cassandra")
    await running.until(key, "Failed")
    await running.stop()
    before = running.status(key)
    await running.start()
    other = running.apply("other")
    await running.until(other, "Complete")
    assert running.status(key) == before


async def test_a_campaign_that_cannot_be_read_fails_and_can_be_deleted(running: Stage) -> None:
    key = running.apply(trials="many")
    status = await running.until(key, "Failed")
    assert "is its CRD up to date?" in status["message"]
    assert running.condition(key, "Accepted") == ("False", "InvalidSpec")
    running.delete(key)
    await running.gone(key)


async def test_a_namespace_that_has_not_opted_in_is_waited_for(running: Stage) -> None:
    running.label("subject", None)
    key = running.apply()
    await eventually(lambda: running.condition(key, "Accepted") == ("False", "NotOptedIn"))
    assert running.status(key)["phase"] == "Pending"
    assert "does not carry the label" in running.status(key)["message"]
    running.label("subject", "true")
    await running.until(key, "Complete")
    assert running.condition(key, "Accepted") == ("True", "Accepted")


async def test_a_namespace_that_allows_only_other_campaigns_is_waited_for(running: Stage) -> None:
    running.annotate("subject", "team-a,team-b")
    key = running.apply()
    await eventually(lambda: running.condition(key, "Accepted") == ("False", "NotAllowed"))
    assert running.status(key)["phase"] == "Pending"
    assert "add default to it" in running.status(key)["message"]
    running.annotate("subject", "team-a,team-b,default")
    await running.until(key, "Complete")
    assert running.condition(key, "Accepted") == ("True", "Accepted")


async def test_a_missing_namespace_and_a_missing_subject_are_waited_for(running: Stage) -> None:
    running.lab.scripts["late"].ready = False
    key = running.apply(subject="late")
    await eventually(lambda: running.condition(key, "Accepted") == ("False", "NamespaceNotFound"))
    running.namespace("late")
    await eventually(lambda: running.condition(key, "Accepted") == ("False", "SubjectNotReady"))
    running.lab.scripts["late"].ready = True
    await running.until(key, "Complete")


async def test_a_campaign_that_may_not_start_in_time_fails(running: Stage) -> None:
    key = running.apply(subject="nowhere", startDeadlineSeconds=0.2)
    status = await running.until(key, "Failed")
    assert "there is no namespace nowhere" in status["message"]
    assert running.condition(key, "Accepted") == ("False", "StartDeadlineExceeded")


@pytest.mark.parametrize(
    ("change", "given", "reason"), [(Stage.label, "true", "NotOptedIn"), (Stage.annotate, "*", "NotAllowed")]
)
async def test_consent_taken_back_between_two_trials_holds_the_next_one(
    running: Any, change: Any, given: Any, reason: Any
) -> None:
    running.lab.scripts["subject"].heal_after = 0.3
    key = running.apply(trials=2)
    await running.until_hurt()
    change(running, "subject", None)
    await eventually(lambda: running.condition(key, "Accepted") == ("False", reason))
    await asyncio.sleep(0.3)
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]
    change(running, "subject", given)
    await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]


async def test_consent_taken_back_after_the_last_trial_does_not_matter(running: Stage) -> None:
    running.lab.scripts["subject"].heal_after = 0.3
    key = running.apply()
    await running.until_hurt()
    running.label("subject", None)
    await running.until(key, "Complete")


async def test_a_waiting_campaign_does_not_stand_in_the_way(running: Stage) -> None:
    waiting = running.apply("waiting", subject="nowhere")
    await running.until(waiting, "Pending")
    other = running.apply("other")
    await running.until(other, "Complete")
    running.delete(waiting)
    await together(running.gone(waiting))
    assert running.row(waiting).deleted_at is not None
