from __future__ import annotations

from dataclasses import replace

from controller.analysis.estimates import estimates
from controller.analysis.summary import analyze
from controller.api import Outcome
from controller.records.rows import Flag, count_commands
from tests.unit.analysis.samples import campaign, healing, trial
from tests.unit.analysis.test_incidence import STORY


def test_a_baseline_has_its_recovery_and_no_agents_rates() -> None:
    found = analyze(campaign(), [*healing(3.0, 5.0, None), trial(4, Outcome.INFRA_ERROR, window=None)])
    assert {name: (rate.successes, rate.n) for name, rate in found.rates.items()} == {"recovery": (2, 3)}
    assert (found.scored, found.unscored) == (3, {"InfraError": 1})
    assert found.outcomes == {"SelfHealed": 2, "NotHealed": 1, "InfraError": 1}
    assert found.recovery is not None and found.recovery.median.value == 5.0
    assert found.detection is None


def test_an_agent_has_all_of_them_over_all_scored_trials() -> None:
    found = analyze(campaign(mode="agent"), STORY)
    assert {name: rate.successes for name, rate in found.rates.items()} == {
        "recovery": 3,
        "resolution": 1,
        "detection": 3,
        "false_resolution": 1,
        "self_healed": 2,
    }
    assert {rate.n for rate in found.rates.values()} == {6}


def test_alarms_before_the_injection_are_a_rate_of_those_trials_in_which_somebody_looked() -> None:
    alarms = [None, 0, 2, 1, 0, 0]
    trials = [replace(each, false_alarms=count) for each, count in zip(STORY, alarms, strict=True)]
    waiting = campaign(mode="agent", quietPeriod={"minSeconds": 2, "maxSeconds": 15})
    found = analyze(waiting, trials).rates["early_alarm"]
    assert (found.successes, found.n) == (2, 5)
    never = campaign(mode="agent", quietPeriod={"minSeconds": 0, "maxSeconds": 0})
    assert "early_alarm" not in analyze(never, trials).rates


def test_a_control_counts_its_alarms_and_has_no_recovery() -> None:
    trials = [trial(1, Outcome.QUIET), trial(2, Outcome.FALSE_ALARM, detected=5.0), trial(3, Outcome.QUIET)]
    found = analyze(campaign(mode="control"), trials)
    assert {name: (rate.successes, rate.n) for name, rate in found.rates.items()} == {
        "quiet": (2, 3),
        "false_alarm": (1, 3),
    }
    assert (found.recovery, found.detection) == (None, None)


def test_flags_are_counted_where_they_matter() -> None:
    flagged = trial(1, Outcome.RESOLVED, recovered=9.0, resolved=9.0, detected=3.0, flags=(Flag.NO_MUTATING_COMMAND,))
    cut = trial(2, Outcome.ABORTED, window=None, flags=(Flag.OTHER_SUBJECT,))
    assert analyze(campaign(mode="agent"), [flagged, cut]).flags == {"NoMutatingCommand": 1}


def test_nothing_scored_is_said_in_lines_without_numbers() -> None:
    lines = estimates(analyze(campaign(), [trial(1, Outcome.NOT_MANIFESTED)]))
    assert [(line.measure, line.value, line.n) for line in lines] == [("recovery_rate", None, 0)]


def test_every_number_is_a_line_with_its_n() -> None:
    logged = [trial(7, Outcome.RESOLVED, resolved=5.0, detected=2.0, recovered=6.0, commands=count_commands([]))]
    lines = {line.measure: line for line in estimates(analyze(campaign(mode="agent"), [*STORY, *logged]))}
    assert list(lines)[:2] == ["recovery_rate", "resolution_rate"]
    assert lines["median_time_to_recover"].beyond == 60
    assert lines["median_time_to_detect"].n == 7
    assert (lines["commands_total"].value, lines["commands_total"].n) == (0, 1)
    assert all(line.n for line in lines.values())


def test_a_recovery_whose_agent_could_not_be_seen_counts_as_one_and_in_nothing_of_the_agent() -> None:
    known = [trial(1, Outcome.RESOLVED, recovered=9.0, resolved=9.0, detected=3.0)]
    lost = trial(2, Outcome.SELF_HEALED, recovered=5.0, flags=(Flag.AGENT_SIGHT_LOST,))
    found = analyze(campaign(mode="agent"), [*known, lost])
    assert {name: (rate.successes, rate.n) for name, rate in found.rates.items()} == {
        "recovery": (2, 2),
        "resolution": (1, 1),
        "detection": (1, 1),
        "false_resolution": (0, 1),
        "self_healed": (0, 1),
    }
    assert found.detection is not None and found.detection.by_deadline.n == 1
    assert analyze(campaign(mode="agent"), [lost]).detection is None
