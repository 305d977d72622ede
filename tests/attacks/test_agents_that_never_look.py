"""Agents that look at nothing and send tickets by the clock, on a fault that heals by itself: none is unmasked by luck.

Each attempt is a whole one, with records, on time that is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.scripted import Script, ScriptedSubject, World
from controller.agents.protocol import Command, CommandLog, Cursor, PollResult, Ticket
from controller.api import CampaignSpec, Mode, Outcome
from controller.attempt.agent_session import AgentSession
from controller.attempt.attempt import Attempt, trial_seed
from controller.attempt.stopping import StopSignal
from controller.records import AttemptRow, Records, queries
from controller.records.database import reading
from controller.records.rows import Flag
from subjects.protocol import SubjectContext
from tests.support.virtual import VirtualClock, run_virtually

UID = "5f1e6a0e-0000-4000-8000-000000000001"
DEED = Command(None, "s", "shell", "kubectl delete pod m-1", 0, mutating=True, destructive=True, reason="deletes")
HEALS_AFTER = 8.0
Sent = Sequence[Ticket]
Tactic = Callable[[float, Callable[[float], datetime]], Sent]
"""What was sent by so many seconds after the agent's start. The function makes a time of a number of seconds."""


class Loop:
    """A source of an agent that follows a tactic, and claims a command that changed something."""

    def __init__(self, now: Callable[[], datetime], tactic: Tactic) -> None:
        self._now, self._tactic, self._start = now, tactic, now()

    def _sent(self) -> Sent:
        passed = (self._now() - self._start).total_seconds()
        return self._tactic(passed, lambda seconds: self._start + timedelta(seconds=seconds))

    async def current_cursor(self) -> Cursor:
        return Cursor(self._now(), ticket=max((ticket.number for ticket in self._sent()), default=0))

    async def poll(self, cursor: Cursor) -> PollResult:
        return PollResult(self._now(), tuple(ticket for ticket in self._sent() if ticket.number > cursor.ticket))

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        return CommandLog((DEED,))

    async def close(self) -> None:
        pass


def every(seconds: float, **more: Any) -> Tactic:
    """A new ticket, called resolved at once, each so many seconds."""

    def sent(passed: float, at: Callable[[float], datetime]) -> Sent:
        when = [(number, at(number * seconds)) for number in range(1, int(passed / seconds) + 1)]
        return [
            Ticket(number, f"t-{number}", arrived_at=at_, resolved=True, resolution_arrived_at=at_, **more)
            for number, at_ in when
        ]

    return sent


def one_that_is_always_open(resolved_each: float) -> Tactic:
    """One ticket from the fourth second on, resolved, reopened and resolved again for ever."""

    def sent(passed: float, at: Callable[[float], datetime]) -> Sent:
        if passed < 4:
            return []
        done = int(passed / resolved_each) % 2 == 1
        return [Ticket(1, "t", arrived_at=at(4), resolved=done, resolution_arrived_at=at(passed) if done else None)]

    return sent


def of_another_system_at_first(passed: float, at: Callable[[float], datetime]) -> Sent:
    """Ten tickets about something else, each of which is about this one as soon as two more have been sent."""
    tickets = []
    for number in range(1, min(int(passed), 10) + 1):
        subject = "scripted/s" if passed > number + 2 else "scripted/elsewhere"
        arrived = at(float(number))
        tickets.append(
            Ticket(number, f"t-{number}", subject, arrived_at=arrived, resolved=True, resolution_arrived_at=arrived)
        )
    return tickets


@dataclass
class Ran:
    """What came of the attempts of one campaign."""

    rows: list[AttemptRow]

    def unflagged(self, *outcomes: Outcome) -> list[tuple[int, list[Flag]]]:
        """The attempts that ended so, and of which nothing else is to be known."""
        return [(row.trial, row.flags) for row in self.rows if row.outcome in outcomes and not row.flags]


async def _run(folder: Path, tactic: Tactic, trials: int, seed: int, **asked: Any) -> Ran:
    url, clock = f"sqlite:///{folder}/records.db", VirtualClock()
    spec = CampaignSpec.model_validate(
        {
            "subject": {"type": "scripted", "namespace": "s"},
            "chaos": {"type": "node_kill"},
            "mode": Mode.AGENT,
            "agent": {"source": "http"},
            "trials": trials,
            "seed": seed,
            "observeSeconds": 60,
            "settleSeconds": 3,
            **asked,
        }
    )
    records = await Records.open(url)
    await records.ensure_campaign(UID, "default", "c", spec, clock.now())
    rows = []
    for trial in range(1, trials + 1):
        row = await records.open_attempt(UID, trial, trial_seed(seed, trial), clock.now())
        subject = ScriptedSubject(SubjectContext(None, "s", clock.now), Script(heal_after=HEALS_AFTER), World())
        source = Loop(clock.now, tactic)
        agent_session = AgentSession(spec.mode, source, None, "scripted/s", clock.now)
        params = subject.get_chaos_types()["node_kill"].params()
        attempt = Attempt(row, spec, params, subject, agent_session, records, clock.now, lambda _: None)
        await attempt.run(StopSignal())
        with reading(url) as connection:
            campaign = queries.find_campaign(connection, UID).campaign
            rows.append(queries.get_attempt(connection, campaign, trial, 1))
    await records.close()
    return Ran(rows)


def ran(folder: Path, tactic: Tactic, trials: int = 6, seed: int = 7, **asked: Any) -> Ran:
    return run_virtually(_run(folder, tactic, trials, seed, **asked))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 4.0])
def test_a_loop_of_resolved_tickets_gets_no_resolved_that_is_not_flagged(tmp_path: Path, seconds: float) -> None:
    found = ran(tmp_path, every(seconds))
    assert found.unflagged(Outcome.RESOLVED, Outcome.DETECTED_UNRESOLVED, Outcome.FALSE_RESOLUTION) == []
    alarmed = [row for row in found.rows if row.false_alarms]
    assert len(alarmed) >= len(found.rows) - 1, "it is seen for what it is in nearly every attempt"
    for row in alarmed:
        assert Flag.TICKET_BEFORE_INJECTION in row.flags


@pytest.mark.parametrize("seconds", [10.0, 20.0, 45.0])
def test_a_slow_loop_pays_with_its_time_to_detect_or_with_false_alarms(tmp_path: Path, seconds: float) -> None:
    found = ran(tmp_path, every(seconds), trials=12, quietPeriod={"minSeconds": 5, "maxSeconds": 60})
    alarms = sum(row.false_alarms or 0 for row in found.rows)
    clean = found.unflagged(Outcome.RESOLVED)
    assert alarms > len(clean), (alarms, clean)


@pytest.mark.parametrize("each", [0.5, 1.0, 3.0])
def test_one_ticket_of_the_quiet_period_that_is_resolved_again_and_again_detects_nothing(
    tmp_path: Path, each: float
) -> None:
    found = ran(tmp_path, one_that_is_always_open(each), quietPeriod={"minSeconds": 2, "maxSeconds": 15})
    assert {row.outcome for row in found.rows} == {Outcome.SELF_HEALED}
    assert all(row.detected_at is None and row.resolution_at is None and row.false_alarms == 1 for row in found.rows)


def test_tickets_that_turn_to_this_subject_after_the_injection_detect_nothing(tmp_path: Path) -> None:
    found = ran(tmp_path, of_another_system_at_first, quietPeriod={"minSeconds": 12, "maxSeconds": 15})
    assert {row.outcome for row in found.rows} == {Outcome.SELF_HEALED}
    assert found.unflagged(Outcome.SELF_HEALED) == []


def test_in_a_control_a_loop_is_a_false_alarm_and_its_early_tickets_are_counted_besides(tmp_path: Path) -> None:
    found = ran(tmp_path, every(2.0), trials=3, mode=Mode.CONTROL, quietPeriod={"minSeconds": 6, "maxSeconds": 9})
    assert {row.outcome for row in found.rows} == {Outcome.FALSE_ALARM}
    assert all(row.false_alarms and Flag.MANY_TICKETS in row.flags for row in found.rows)


def test_an_agent_that_looks_is_not_flagged(tmp_path: Path) -> None:
    """What holds an honest one back would be no defence: it opens a ticket when it is hurt, and resolves that one."""

    def honest(passed: float, at: Callable[[float], datetime]) -> Sent:
        injected = 11.0  # a quiet period of 10 s after a settle window of about a second
        if passed < injected + 3:
            return []
        done = passed >= injected + 14
        return [
            Ticket(
                1,
                "t",
                arrived_at=at(injected + 3),
                resolved=done,
                resolution_arrived_at=at(injected + 14) if done else None,
            )
        ]

    asked: dict[str, Any] = {"settleSeconds": 1, "quietPeriod": {"minSeconds": 10, "maxSeconds": 10}}
    found = ran(tmp_path, honest, trials=2, **asked)
    assert found.unflagged(Outcome.RESOLVED) == [(1, []), (2, [])]
    assert [row.false_alarms for row in found.rows] == [0, 0]
