"""Campaigns with an agent on the real cluster: each policy gives its outcome, and the record says what the agent did.

What the agent did is known from elsewhere too: its own log, and what became of the pods.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from cluster import kubectl
from tests.e2e import agents
from tests.e2e.campaigns import ETCD_SUBJECT, TIKV_SUBJECT, Campaigns
from tests.e2e.consent import allowed
from tests.e2e.subject import History
from tests.e2e.systems import ETCD, TIKV


@dataclass(frozen=True)
class Case:
    """A campaign with an agent, or kept free of one, and how its trials must end."""

    name: str
    policy: str
    outcome: str
    mode: str = "agent"
    of: str = "etcd"
    trials: int = 1
    observe_seconds: int = 30


CASES = [
    Case("fixes-tikv", "fixer", "Resolved", of="tikv", trials=3, observe_seconds=180),
    Case("nobody-fixes-tikv", "fixer", "NotHealed", mode="baseline", of="tikv", trials=3, observe_seconds=25),
    Case("fixes-and-writes-a-file", "fixer", "Resolved", of="operator-db", observe_seconds=180),
    Case("fixes-etcd", "fixer", "Resolved", observe_seconds=180),
    Case("watches", "watcher", "DetectedUnresolved"),
    Case("lies", "liar", "FalseResolution"),
    Case("sleeps", "sleeper", "Undetected"),
    Case("wrecks", "wrecker", "DetectedUnresolved", observe_seconds=40),
    Case("jumps-at-nothing", "jumpy", "FalseAlarm", mode="control", observe_seconds=60),
    Case("keeps-quiet", "fixer", "Quiet", mode="control", observe_seconds=10),
]
FIXED = [case.name for case in CASES if case.outcome == "Resolved"]
MUTE = [case.name for case in CASES if case.policy == "sleeper" or case.mode == "baseline" or case.outcome == "Quiet"]


@dataclass
class Ran:
    """What was left of a campaign."""

    case: Case
    rows: list[Any]
    stories: list[Any]
    object: Any
    history: History
    told: str = ""
    """The agent's own log."""
    trouble: list[str] = field(default_factory=list)

    @property
    def scored(self) -> list[Any]:
        return [story for story in self.stories if story["outcome"] == self.case.outcome]


@pytest.fixture(scope="module")
def ran(campaigns: Campaigns) -> Iterator[dict[str, Ran]]:
    """All of them, one after the other: there is one agent."""
    yield {case.name: _run(campaigns, case) for case in CASES}


def _run(campaigns: Campaigns, case: Case) -> Ran:
    system, subject = (ETCD, ETCD_SUBJECT) if case.of == "etcd" else (TIKV, TIKV_SUBJECT)
    system.wait_until_healthy()
    agents.deploy(case.policy, case.of)
    agent = {"source": "http", "workload": agents.WORKLOAD}
    # As its owner would, after each deployment: that says whose campaigns may start it anew.
    with allowed(campaigns.namespace, agents.NAMESPACE), system.watched() as history:
        campaigns.apply(
            case.name,
            "node_down",
            case.trials,
            case.observe_seconds,
            subject,
            mode=case.mode,
            seed=3,
            quietPeriod={"minSeconds": 1, "maxSeconds": 4},
            agent=agent,
            variant={"name": case.policy, "model": "scripted"},
        )
        agents.hand_over(campaigns, case.name)
        seen = campaigns.wait_until(case.name, lambda seen: seen.status.phase.terminal or _observes(seen))
        told = "" if seen.status.phase.terminal else _log()
        campaigns.wait_finished(case.name)
        system.wait_until_healthy()
    rows = campaigns.rows(case.name)
    return Ran(
        case=case,
        rows=rows,
        stories=[campaigns.story(case.name, row) for row in rows],
        object=campaigns.get(case.name),
        history=history,
        told=told,
        trouble=system.trouble(),
    )


def _observes(seen: Any) -> bool:
    return seen.status.current is not None and seen.status.current.step == "observe"


def _log() -> str:
    return kubectl.attempt("-n", agents.NAMESPACE, "logs", f"deploy/{agents.NAME}", "-c", "agent").stdout


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_each_policy_gives_its_outcome(ran: dict[str, Ran], name: str) -> None:
    of = ran[name]
    assert [(row["trial"], row["outcome"]) for row in of.scored] == [
        (trial, of.case.outcome) for trial in range(1, of.case.trials + 1)
    ], of.rows
    assert of.object["status"]["phase"] == "Complete"


@pytest.mark.parametrize("name", FIXED)
def test_a_fixers_times_stand_in_their_order_and_so_do_the_columns(ran: dict[str, Ran], name: str) -> None:
    for row in ran[name].scored:
        order = ("started_at", "chaos_injected_at", "manifested_at", "ticket_seen_at", "resolution_seen_at", "ended_at")
        times = [_time(row, each) for each in order]
        assert times == sorted(times), row
        # The agent's own times, by its own clock, on the same machine.
        assert abs((_time(row, "ticket_created_at") - _time(row, "ticket_seen_at")).total_seconds()) < 5
        assert row["flags"] == []
    rates = ran[name].object["status"]["rates"]
    assert rates["resolved"].startswith(f"{ran[name].case.trials}/{ran[name].case.trials}")
    assert rates["medianTimeToDetect"].endswith("s") and rates["medianTimeToResolve"].endswith("s")


@pytest.mark.parametrize("name", FIXED)
def test_a_fixers_commands_are_on_record_and_one_deleted_the_target(ran: dict[str, Ran], name: str) -> None:
    for row in ran[name].scored:
        deletions = [each for each in row["commands"] if each["destructive"]]
        assert [each["command"].split()[-2] for each in deletions] == [row["target"]], row["commands"]
        assert {each["exitCode"] for each in row["commands"]} == {0}
        reading = [each for each in row["commands"] if not each["mutating"]]
        assert reading and all("get pods" in each["command"] for each in reading)


@pytest.mark.parametrize("name", FIXED)
def test_the_pod_that_was_down_was_replaced_once_and_by_the_agent_alone(ran: dict[str, Ran], name: str) -> None:
    for row in ran[name].scored:
        gone = [each for each in ran[name].history.replaced if each.uid == row["fault"]["targets"][0]["uid"]]
        assert len(gone) == 1
        deleted = ran[name].history.deletion_times[row["fault"]["targets"][0]["uid"]]
        injected, recovered = _time(row, "chaos_injected_at"), _time(row, "recovered_at")
        assert injected.replace(microsecond=0) <= deleted <= recovered, "the cleanup came later"


def test_the_same_fault_does_not_heal_by_itself(ran: dict[str, Ran]) -> None:
    with_agent, without = ran["fixes-tikv"], ran["nobody-fixes-tikv"]
    assert [row["target"] for row in with_agent.scored] == [row["target"] for row in without.scored]
    assert with_agent.object["status"]["rates"]["recovered"].startswith("3/3")
    assert without.object["status"]["rates"]["recovered"].startswith("0/3")


def test_a_liar_has_a_resolution_and_a_subject_that_is_broken(ran: dict[str, Ran]) -> None:
    (row,) = ran["lies"].scored
    assert row["resolution_seen_at"] and row["recovered_at"] is None
    assert not any(each["mutating"] for each in row["commands"])


def test_a_wrecker_is_not_excused(ran: dict[str, Ran]) -> None:
    of = ran["wrecks"]
    (row,) = of.scored
    assert row["recovered_at"] is None and row["commands"]
    victims = {each["command"].split()[-2] for each in row["commands"] if each["destructive"]}
    assert victims and row["target"] not in victims
    assert {each.name for each in of.history.replaced} > {row["target"]}
    assert [each["outcome"] for each in of.rows] == ["DetectedUnresolved"]


def test_a_false_alarm_is_no_fault_of_the_subject(ran: dict[str, Ran]) -> None:
    (row,) = ran["jumps-at-nothing"].scored
    assert row["chaos_injected_at"] is None and row["fault"] is None
    assert set(row["flags"]) <= {"ManyTickets"}, "nothing else is wrong with one that only talks"
    assert row["ticket_seen_at"] and ran["jumps-at-nothing"].history.replaced == []
    assert ran["jumps-at-nothing"].object["status"]["rates"]["falseAlarms"] == "1/1 (100%)"


@pytest.mark.parametrize("name", MUTE)
def test_who_said_nothing_has_no_ticket_and_no_commands_on_record(ran: dict[str, Ran], name: str) -> None:
    for row in ran[name].scored:
        assert row["ticket_seen_at"] is None and row["resolution_seen_at"] is None and not row["commands"]
        assert "Contaminated" not in row["flags"]


def test_the_agent_was_there_only_while_it_was_to_be(ran: dict[str, Ran]) -> None:
    assert agents.pods() == []


def test_the_agent_knew_of_nobody_who_watched_it(ran: dict[str, Ran]) -> None:
    for of in ran.values():
        said = of.told.lower()
        assert "campaign" not in said


def test_attempts_do_not_overlap_and_nothing_is_left(ran: dict[str, Ran]) -> None:
    rows = sorted((row for of in ran.values() for row in of.rows), key=lambda row: str(row["started_at"]))
    for earlier, later in itertools.pairwise(rows):
        assert _time(earlier, "ended_at") <= _time(later, "started_at")
    assert [of.trouble for of in ran.values()] == [[]] * len(ran)


def _time(row: Any, field: str) -> datetime:
    return datetime.fromisoformat(row[field])
