"""The status is a function of the records and of the little that only the driver knows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.api import ConditionType, CurrentAttempt, Mode, Outcome, Phase, Step
from controller.api.reasons import Reason
from controller.api.status import CampaignStatus, Condition
from controller.records.rows import CampaignRow, Tally
from controller.status import REFUSED, DriverStatus, Refusal, compute_status
from controller.text import truncate
from tests.unit.driver.samples import at, attempt, row, tally


def compute(
    row_: CampaignRow | None = None,
    tally_: Tally | None = None,
    driver_status: DriverStatus | None = None,
    previous: list[Condition] | tuple[Any, ...] = (),
    now: int = 0,
) -> CampaignStatus:
    return compute_status(row_ or row(), 1, tally_ or tally(), driver_status or DriverStatus(), previous, at(now))


def conditions(status: CampaignStatus) -> dict[str, tuple[str, ...]]:
    return {each.type.value: (each.status, each.reason) for each in status.conditions}


def test_a_condition_keeps_its_transition_time_until_its_status_changes() -> None:
    running = compute(now=1).conditions
    still = compute(row(reason="Other"), previous=running, now=2)
    done = compute(row(Phase.COMPLETE, "AllTrialsDone"), previous=still.conditions, now=3)
    since = {each.type: each.last_transition_time for each in done.conditions}
    assert since[ConditionType.COMPLETE] == since[ConditionType.PROGRESSING] == at(3)
    assert since[ConditionType.ACCEPTED] == since[ConditionType.FAILED] == at(1)


@pytest.mark.parametrize(
    ("driver_status", "locked"),
    [
        (DriverStatus(), None),
        (DriverStatus(holder="default/c", holds_subject=True), ("True", "Held")),
        (DriverStatus(holder="default/other"), ("False", "HeldByAnother")),
    ],
)
def test_who_has_the_subject_is_told_once_somebody_asked_for_it(
    driver_status: DriverStatus, locked: tuple[str, ...] | None
) -> None:
    assert conditions(compute(driver_status=driver_status)).get("SubjectLocked") == locked


def test_a_finished_campaign_has_let_go_of_its_subject() -> None:
    assert conditions(compute(row(Phase.COMPLETE, "AllTrialsDone")))["SubjectLocked"] == ("False", "Released")


def test_a_suspended_campaign_has_let_go_of_its_subject_and_has_not_finished() -> None:
    told = conditions(compute(row(Phase.SUSPENDED, "Suspended")))
    assert told["SubjectLocked"] == ("False", "Released")
    assert told["Finished"] == told["Progressing"] == ("False", "Suspended")


def test_an_aborted_campaign_has_finished_and_neither_completed_nor_failed() -> None:
    told = conditions(compute(row(Phase.ABORTED, "Aborted")))
    assert told["Finished"] == ("True", "Aborted")
    assert told["Complete"] == told["Failed"] == told["Progressing"] == ("False", "Aborted")


@pytest.mark.parametrize(
    ("driver_status", "message"),
    [
        (DriverStatus(), "3 trials"),
        (DriverStatus(suspending=True), "3 trials; to be suspended as soon as this attempt has ended"),
        (DriverStatus(cooling_until=at(90)), "3 trials; cooling down, the next attempt begins at 2026-01-01T12:01:30Z"),
    ],
)
def test_what_a_running_campaign_waits_for_is_told_beside_what_it_does(
    driver_status: DriverStatus, message: str
) -> None:
    status = compute(row(message="3 trials"), driver_status=driver_status)
    assert status.message == message
    assert {each.type: each.message for each in status.conditions}[ConditionType.PROGRESSING] == message


def test_what_was_asked_of_a_campaign_that_has_finished_does_not_change_what_it_says() -> None:
    done = row(Phase.COMPLETE, "AllTrialsDone", "done")
    assert compute(done, driver_status=DriverStatus(suspending=True, cooling_until=at(1))).message == "done"


@pytest.mark.parametrize(
    ("driver_status", "locked"),
    [(DriverStatus(holder="default/c", holds_subject=True), ("True", "Held")), (DriverStatus(), ("False", "Released"))],
    ids=["still locked", "unlocked since"],
)
def test_a_failed_cleanup_is_told_from_the_row_whether_or_not_somebody_unlocked_the_subject(
    driver_status: DriverStatus, locked: tuple[str, ...]
) -> None:
    told = conditions(compute(row(Phase.FAILED, "CleanupFailed", "it will not go"), driver_status=driver_status))
    assert told["CleanupFailed"] == ("True", "CleanupFailed")
    assert told["SubjectLocked"] == locked
    assert told["Accepted"] == ("True", "Accepted")


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_a_refusal_is_told_from_the_row_alone(reason: Reason) -> None:
    assert conditions(compute(row(Phase.FAILED, reason, "why")))["Accepted"] == ("False", reason)


def test_a_campaign_that_waits_for_permission_is_not_accepted_yet() -> None:
    waiting = compute(
        row(Phase.PENDING, "NotOptedIn"), driver_status=DriverStatus(refusal=Refusal(Reason.NOT_OPTED_IN, "no label"))
    )
    assert conditions(waiting)["Accepted"] == ("False", "NotOptedIn")
    assert conditions(waiting)["Finished"] == ("False", "NotOptedIn")


def test_a_row_without_a_reason_still_makes_valid_conditions() -> None:
    assert conditions(compute(row(Phase.PENDING, "")))["Progressing"] == ("False", "Pending")


@pytest.mark.parametrize(
    ("times", "recovered", "rate", "median"),
    [
        ((1.0, 2.0, 4.0), "3/3 (100%)", "1.0000", "2.0s"),
        ((1.0, 2.0, None), "2/3 (67%)", "0.6667", "2.0s"),
        ((1.0, None, None), "1/3 (33%)", "0.3333", ">60s"),
        ((1.0, None), "1/2 (50%)", "0.5000", ">60s"),
        ((None,), "0/1 (0%)", "0.0000", ">60s"),
    ],
)
def test_rates_carry_their_n_and_a_censored_median_says_so(
    times: tuple[Any, ...], recovered: str, rate: str, median: str
) -> None:
    status = compute(tally_=tally(times))
    rates = status.rates
    assert f"{status.summary.recovered}/{status.summary.scored}" == recovered.partition(" ")[0], "as numbers, too"
    assert (rates.recovered, rates.recovery_rate, rates.median_time_to_recover) == (recovered, rate, median)


def test_of_a_control_nothing_is_said_of_recovery() -> None:
    summary = compute(replace(row(), mode=Mode.CONTROL), tally((None,))).summary
    assert (summary.scored, summary.recovered) == (1, None)


def test_without_a_scored_trial_there_are_no_rates() -> None:
    assert compute(tally_=tally(outcomes={Outcome.INFRA_ERROR: 1})).rates is None


def test_the_last_attempts_are_shown_in_short() -> None:
    recent = compute(tally_=tally((0.5,), recent=(attempt(1, error="e" * 1000),))).recent[0]
    assert (recent.trial, recent.outcome, recent.target, recent.time_to_recover) == (1, "SelfHealed", "etcd-1", "0.5s")
    assert len(recent.message) == 140 and recent.message.endswith("…")


def test_the_largest_status_there_can_be_stays_below_8_kib() -> None:
    long = "x" * 5000
    current = CurrentAttempt(trial=1, attempt=1, step=Step.OBSERVE, since=at(0), deadline=at(1), message="m" * 512)
    tally_ = tally(
        (1.0,) * 10_000,
        outcomes=dict.fromkeys(Outcome, 9999),
        recent=tuple(attempt(trial, Outcome.INFRA_ERROR, "short") for trial in range(9990, 10_000)),
    )
    status = compute(row(message=long[:300]), tally_, DriverStatus(holder="a/b", holds_subject=True, current=current))
    assert len(json.dumps(status.to_json())) < 8192
    assert len(compute(row(message=long)).message.encode()) == 1024


def test_clipping_marks_what_was_cut() -> None:
    assert truncate("short", 5) == "short"
    assert truncate("longer", 5) == "long…"
