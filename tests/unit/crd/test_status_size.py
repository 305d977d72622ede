"""The status stays small, however long the campaign is: etcd, watches and people all pay for its size."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from controller import api

NOON = datetime(2031, 5, 4, 12, 0, 0, tzinfo=UTC)


ENDS = [outcome for outcome in api.Outcome if outcome not in (api.Outcome.NOT_HEALED, *list(api.Outcome)[6:8])]
"""How attempts with an agent may end, which is more ways than there are without one or without a fault."""


def status(trials: int, sentence: int, reason: int, pod: int) -> api.CampaignStatus:
    """A status with everything in it: every condition, a full list of recent attempts, texts of these lengths.

    Every condition but CleanupFailed, which comes only where nothing runs any more.
    """
    return api.CampaignStatus(
        phase=api.Phase.RUNNING,
        observed_generation=1,
        message="m" * sentence,
        started_at=NOON,
        finished_at=NOON,
        summary=api.Summary(
            planned=trials,
            done=trials,
            progress=f"{trials}/{trials}",
            scored=trials,
            recovered=trials,
            outcomes=dict.fromkeys(ENDS, trials),
        ),
        rates=api.Rates(
            recovered=f"{trials}/{trials} (100%)",
            recovery_rate="0.9999",
            median_time_to_recover=">86400.0s",
            resolved=f"{trials}/{trials} (100%)",
            resolution_rate="0.9999",
            median_time_to_detect=">86400.0s",
            median_time_to_resolve=">86400.0s",
        ),
        current=api.CurrentAttempt(
            trial=trials,
            attempt=trials,
            step=api.Step.CAPTURE_INITIAL,
            since=NOON,
            deadline=NOON,
            message="c" * min(sentence, 512),
        ),
        recent=[
            api.RecentAttempt(
                trial=trials,
                attempt=trials,
                outcome=api.Outcome.NOT_MANIFESTED,
                target="p" * pod,
                time_to_detect=">86400.0s",
                time_to_resolve=">86400.0s",
                time_to_recover=">86400.0s",
                ended_at=NOON,
                message="r" * min(sentence, 140),
            )
        ]
        * api.RECENT_ATTEMPTS,
        conditions=[
            api.Condition(
                type=kind,
                status="Unknown",
                reason="R" * reason,
                message="s" * sentence,
                last_transition_time=NOON,
                observed_generation=1,
            )
            for kind in api.ConditionType
            if kind is not api.ConditionType.CLEANUP_FAILED
        ],
    )


def dry_run(sentence: int, reason: int, pod: int) -> api.CampaignStatus:
    """The status of a dry run, which has ten plans, and no attempts."""
    plan = api.Plan(trial=10, seed=2**48 - 1, chaos="c" * 40, target="p" * pod, facts="f" * 128)
    nothing = {"current": None, "recent": [], "rates": None, "plans": [plan] * api.PLANNED_TRIALS}
    nothing["summary"] = api.Summary(planned=10_000, done=0, progress="0/10000")  # type: ignore[assignment]
    return status(10_000, sentence, reason, pod).model_copy(update=nothing)


def size(value: api.CampaignStatus) -> int:
    return len(json.dumps(value.to_json()).encode())


def test_a_full_status_with_long_sentences_stays_below_8_kib() -> None:
    assert size(status(trials=10_000, sentence=200, reason=40, pod=63)) < 8 * 1024


def test_the_status_of_a_dry_run_stays_below_8_kib_too() -> None:
    assert size(dry_run(sentence=400, reason=40, pod=63)) < 8 * 1024


def test_a_thousand_times_the_trials_add_less_than_200_bytes_to_a_full_status() -> None:
    few, many = (status(trials=trials, sentence=200, reason=40, pod=63) for trials in (10, 10_000))
    assert size(many) - size(few) < 200


def test_even_the_longest_status_that_the_crd_takes_is_a_fraction_of_what_etcd_takes() -> None:
    assert size(status(trials=10_000, sentence=1024, reason=1024, pod=253)) < 32 * 1024
