"""The outcome is a function of the evidence: every combination of what may have happened."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from controller.api import Mode, Outcome
from controller.outcome import Evidence, Stop, decide

DEADLINE = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE, AFTER = DEADLINE - timedelta(seconds=1), DEADLINE + timedelta(seconds=1)


def evidence(**known):
    return Evidence(mode=Mode.BASELINE, deadline_at=DEADLINE, **known)


@pytest.mark.parametrize(
    ("manifested", "recovered", "outcome"),
    [
        (None, None, Outcome.NOT_MANIFESTED),
        (BEFORE, None, Outcome.NOT_HEALED),
        (BEFORE, BEFORE, Outcome.SELF_HEALED),
        (BEFORE, DEADLINE, Outcome.SELF_HEALED),
        (BEFORE, AFTER, Outcome.NOT_HEALED),
    ],
)
def test_an_observed_attempt_is_judged_by_what_was_seen(manifested, recovered, outcome):
    seen = evidence(observed=True, manifested_at=manifested, recovered_at=recovered)
    assert decide(seen) is outcome


@pytest.mark.parametrize(("stopped", "failed"), list(product([None, *Stop], [False, True])))
def test_what_happens_after_the_observation_does_not_change_the_outcome(stopped, failed):
    seen = evidence(observed=True, manifested_at=BEFORE, recovered_at=BEFORE, stopped=stopped, failed=failed)
    assert decide(seen) is Outcome.SELF_HEALED


@pytest.mark.parametrize(
    ("stopped", "doubtful", "failed", "outcome"),
    [
        (Stop.DELETED, False, False, Outcome.ABORTED),
        (Stop.DELETED, True, True, Outcome.ABORTED),
        (Stop.EXITING, False, False, Outcome.INTERRUPTED),
        (Stop.EXITING, True, True, Outcome.INTERRUPTED),
        (None, True, True, Outcome.INTERRUPTED),
        (None, False, True, Outcome.INFRA_ERROR),
    ],
)
def test_an_attempt_that_was_cut_short_is_never_scored(stopped, doubtful, failed, outcome):
    decided = decide(evidence(stopped=stopped, doubtful=doubtful, failed=failed, manifested_at=BEFORE))
    assert decided is outcome
    assert not decided.scored
