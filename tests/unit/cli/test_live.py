"""A running campaign, told once and in order, and how its end is judged."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

import pytest
from rich.console import Console

from controller.api import (
    CampaignStatus,
    CurrentAttempt,
    Mode,
    Outcome,
    Phase,
    Plan,
    Rates,
    RecentAttempt,
    Step,
    Summary,
)
from controller.cli.cluster.campaigns import CampaignSnapshot
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable
from controller.cli.live import CampaignWatch, EventLog, PlainDisplay, follow, progress_line
from controller.cli.options import ExitStatus
from controller.cli.run.execution import final_report
from tests.unit.records.samples import at


def seen(phase: Phase = Phase.RUNNING, uid: str = "u", **status: Any) -> CampaignSnapshot:
    return CampaignSnapshot("default", "demo", uid, 3, Mode.AGENT, CampaignStatus(phase=phase, **status))


def ended(trial: int, **words: Any) -> RecentAttempt:
    return RecentAttempt(trial=trial, attempt=1, ended_at=at(0), **words)


RESOLVED = ended(
    1, outcome=Outcome.RESOLVED, target="tikv-1", time_to_detect="3.1s", time_to_resolve="20.0s", time_to_recover="9.0s"
)
QUIET = ended(2, outcome=Outcome.QUIET)


def test_each_thing_is_told_once_oldest_first_and_the_end_comes_last() -> None:
    log = EventLog()
    assert log.new_lines(seen(message="3 trials")) == ["Running: 3 trials"]
    assert log.new_lines(seen(message="3 trials", recent=[RESOLVED])) == [
        "trial 1/3 on tikv-1: Resolved, detected after 3.1s, called resolved after 20.0s, recovered after 9.0s"
    ]
    over = seen(Phase.COMPLETE, message="done", recent=[QUIET, RESOLVED])
    assert log.new_lines(over) == ["trial 2/3: Quiet", "Complete: done"]
    assert log.new_lines(over) == []


def test_what_is_done_now_has_its_countdown_and_what_is_missing() -> None:
    current = CurrentAttempt(
        trial=2, attempt=2, step=Step.OBSERVE, since=at(0), deadline=at(60), message="tikv-1 is not Ready"
    )
    told = progress_line(seen(current=current), at(18))
    assert told == "trial 2/3, attempt 2: observe, at most 42 s left, tikv-1 is not Ready"
    assert "at most 0 s left" in progress_line(seen(current=current), at(60) + timedelta(seconds=5))
    assert progress_line(seen(Phase.QUEUED, message="another has the subject"), at(0)) == "another has the subject"


class Opens:
    """Every watch that is opened brings the next of these: a list of campaigns, or trouble."""

    def __init__(self, *watches: list[CampaignSnapshot | None] | CommandFailed) -> None:
        self.watches = chain(watches, repeat([]))

    def __call__(self) -> Iterator[CampaignSnapshot | None]:
        brought = next(self.watches)
        if isinstance(brought, CommandFailed):
            raise brought
        return iter(brought)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.live.RECONNECT_SECONDS", 0.01)


def followed(
    begun: CampaignSnapshot, *watches: list[CampaignSnapshot | None] | CommandFailed
) -> tuple[CampaignSnapshot, str]:
    out = io.StringIO()
    (ended,) = follow([(CampaignWatch(Opens(*watches)), begun)], PlainDisplay(Console(file=out, width=200)))
    return ended, out.getvalue()


def test_it_is_followed_over_ended_watches_and_an_api_server_that_is_away() -> None:
    step = CurrentAttempt(trial=1, attempt=1, step=Step.RESET, since=at(0))
    over, told = followed(
        seen(Phase.PENDING),
        [seen(current=step)],
        Unreachable("The API server is away"),
        [seen(recent=[RESOLVED])],
        [seen(Phase.COMPLETE, message="done", recent=[RESOLVED])],
    )
    assert over.status.phase is Phase.COMPLETE
    lines = [line[6:] for line in told.splitlines()]
    assert lines == [
        "Pending",
        "Running",
        "trial 1/3: reset",
        "The API server is away",
        lines[4],
        "Complete: done",
    ]
    assert lines[4].startswith("trial 1/3 on tikv-1: Resolved")


def test_two_are_followed_until_both_have_ended_and_each_line_says_whose_it_is() -> None:
    step = CurrentAttempt(trial=1, attempt=1, step=Step.RESET, since=at(0))
    other = replace(seen(message="waits"), name="demo-baseline", uid="v")
    watched = [
        (CampaignWatch(Opens([seen(current=step)], [seen(Phase.COMPLETE, message="done")])), seen()),
        (CampaignWatch(Opens([replace(other, status=seen(Phase.ABORTED).status)])), other),
    ]
    out = io.StringIO()
    ended_ = follow(watched, PlainDisplay(Console(file=out, width=200)))
    assert [each.status.phase for each in ended_] == [Phase.COMPLETE, Phase.ABORTED]
    lines = [line[6:] for line in out.getvalue().splitlines()]
    assert lines[:2] == ["demo: Running", "demo-baseline: Running: waits"]
    assert {"demo: trial 1/3: reset", "demo: Complete: done", "demo-baseline: Aborted"} <= set(lines)


@pytest.mark.parametrize("gone", [None, seen(Phase.COMPLETE, uid="another of that name")])
def test_a_campaign_that_is_gone_or_replaced_is_not_taken_for_the_one_that_was_followed(gone: Any) -> None:
    with pytest.raises(CommandFailed, match="Campaign default/demo was deleted; its records stay"):
        followed(seen(), [gone])


def test_a_watch_that_is_refused_is_not_tried_for_ever() -> None:
    with pytest.raises(CommandFailed, match="you may not watch"):
        followed(seen(), Refused(403, "you may not watch"))


RATES = Rates(recovered="2/3 (67%)", recovery_rate="0.6667", median_time_to_recover="8.2s")
THREE = Summary(planned=3, done=3, progress="3/3", scored=3, recovered=2)


@pytest.mark.parametrize(
    ("least", "status"),
    [(None, ExitStatus.DONE), (0.2, ExitStatus.DONE), (0.21, ExitStatus.UNDER), (2 / 3, ExitStatus.UNDER)],
)
def test_a_complete_campaign_passes_unless_the_lower_bound_of_its_rate_is_under_what_was_asked(
    least: float | None, status: ExitStatus
) -> None:
    lines, given = final_report(seen(Phase.COMPLETE, rates=RATES, summary=THREE), least)
    assert given is status
    assert lines[0] == "recovered 2/3 (67%), median time to recover 8.2s"
    assert least is None or "2 of 3; the lower bound of its 95 % interval, 0.208, is" in lines[-1]


@pytest.mark.parametrize("recovered", [4999, None])
def test_the_count_of_recoveries_is_taken_from_the_status_and_not_from_a_rounded_rate(recovered: Any) -> None:
    """4,999 of 9,999 and 5,000 of 10,000 have the same rate in four digits. None: the controller is an older one."""
    summary = Summary(planned=9999, done=9999, progress="9999/9999", scored=9999, recovered=recovered)
    rates = Rates(recovered="4999/9999 (50%)", recovery_rate="0.5000")
    lines, _ = final_report(seen(Phase.COMPLETE, rates=rates, summary=summary), 0.3)
    assert "4999 of 9999" in lines[-1]


def test_a_control_is_judged_by_how_often_it_was_quiet() -> None:
    counted = Summary(planned=4, done=4, progress="4/4", scored=4, outcomes={Outcome.QUIET: 3, Outcome.FALSE_ALARM: 1})
    ended = replace(seen(Phase.COMPLETE, summary=counted), mode=Mode.CONTROL)
    lines, status = final_report(ended, 0.3)
    assert (lines[-1].partition(";")[0], status) == ("The quiet rate is 3 of 4", ExitStatus.DONE)
    assert final_report(ended, 0.31)[1] is ExitStatus.UNDER


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.ABORTED])
def test_a_campaign_that_did_not_complete_has_failed_whatever_it_found(phase: Phase) -> None:
    assert final_report(seen(phase, rates=RATES, summary=THREE), None)[1] is ExitStatus.FAILED


def test_of_nothing_scored_no_rate_is_high_enough() -> None:
    lines, status = final_report(seen(Phase.COMPLETE), 0.0)
    unknown = "The recovery rate is unknown, for nothing was scored (n=0): under 0."
    assert (lines, status) == (["Nothing could be scored.", unknown], ExitStatus.UNDER)


def test_a_dry_run_ends_with_its_plans() -> None:
    plan = Plan(trial=1, seed=7, chaos="node_kill", target="tikv-2", facts="uid=x")
    assert final_report(seen(Phase.COMPLETE, plans=[plan]), None)[0] == ["trial 1 would do node_kill to tikv-2 (uid=x)"]
