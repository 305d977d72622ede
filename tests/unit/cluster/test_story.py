"""What the demo tells while campaigns run."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.demonstration.campaigns import Seen, seen
from cluster.demonstration.story import Story, right_now
from controller.api import CampaignStatus, Current, Outcome, Phase, Recent, Step

NOON = datetime(2031, 5, 4, 12, 0, 0, tzinfo=UTC)


def campaign(phase: Phase = Phase.RUNNING, **status: Any) -> Seen:
    return Seen("kills", "uid", 3, CampaignStatus(phase=phase, **status))


def ended(trial: int, attempt: int = 1, outcome: Outcome = Outcome.SELF_HEALED, **more: Any) -> Recent:
    return Recent(trial=trial, attempt=attempt, outcome=outcome, target="etcd-2", ended_at=NOON, **more)


def test_a_campaign_that_nobody_has_looked_at_is_pending() -> None:
    raw = {"metadata": {"name": "kills", "uid": "uid"}, "spec": {"trials": 3}}
    assert seen(raw).status.phase is Phase.PENDING


def test_a_phase_is_told_once() -> None:
    story = Story()
    assert story.news(campaign(Phase.QUEUED, message="another has it")) == ["kills: Queued, another has it"]
    assert story.news(campaign(Phase.QUEUED, message="another has it")) == []


def test_outcomes_are_told_in_the_order_they_came_and_once() -> None:
    story = Story()
    story.news(campaign())
    first = ended(1, outcome=Outcome.INFRA_ERROR, message="SightLost")
    assert story.news(campaign(recent=[ended(1, 2, time_to_recover="5.1s"), first])) == [
        "kills: trial 1/3 on etcd-2: InfraError (SightLost)",
        "kills: trial 1/3, attempt 2 on etcd-2: SelfHealed after 5.1s",
    ]
    assert story.news(campaign(recent=[ended(1, 2, time_to_recover="5.1s"), first])) == []


def test_the_end_is_told_after_the_last_outcome_even_if_both_come_at_once() -> None:
    story = Story()
    lines = story.news(campaign(Phase.COMPLETE, message="3 of 3", recent=[ended(3)]))
    assert lines == ["kills: trial 3/3 on etcd-2: SelfHealed", "kills: Complete, 3 of 3"]


def test_a_step_is_shown_with_its_countdown_and_what_is_missing() -> None:
    current = Current(
        trial=2, attempt=1, step=Step.OBSERVE, since=NOON, deadline=NOON + timedelta(seconds=30), message="no leader"
    )
    at = NOON + timedelta(seconds=12)
    assert right_now(campaign(current=current), at) == "trial 2/3: observe, at most 18 s left, no leader"
    assert right_now(campaign(message="between two"), at) == "between two"
