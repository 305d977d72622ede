"""The phase machine as a table: what is known of a campaign decides its next phase, the reason, and the next task."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.api import CampaignSpec, Condition, ConditionType, Outcome, Phase, Plan, Reason
from controller.attempt.outcome import StopReason
from controller.campaign.locks import Blocked, HeldLocks
from controller.campaign.phases import CampaignState, Check, Task, decide
from controller.status import Interleaving, Refusal
from tests.unit.driver.samples import at, attempt, row, tally

PENDING = row(Phase.PENDING, "")
QUEUED, RUNNING = row(Phase.QUEUED, "SubjectBusy"), row(Phase.RUNNING)
REFUSAL = Refusal(Reason.NOT_OPTED_IN, "no label")
BLOCKED = Blocked(Reason.SUBJECT_BUSY, "campaign default/other has the subject", "default/other")
TURN = Blocked(Reason.WAITS_FOR_TURN, "waits for its turn", None)
PLAN = Plan(trial=1, seed=1, chaos="node_kill", target="etcd-1")
MET, UNMET = Check.MET, Check.UNMET


def spec(**asked: Any) -> CampaignSpec:
    made = {"subject": {"type": "etcd", "namespace": "etcd"}, "chaos": {"type": "node_kill"}, "trials": 3} | asked
    return CampaignSpec.model_validate(made)


def state(**known: Any) -> CampaignState:
    """A new campaign of three trials, of which this much is known."""
    return CampaignState(**{"spec": spec(), "row": PENDING, "tally": tally(), "generation": 1, "now": at(100)} | known)  # type: ignore[arg-type]


def ready(**known: Any) -> dict[str, Any]:
    """One that may ask for its locks."""
    return {"recovered": True, "active": True, "check": MET, "agent_ready": True} | known


def running(**known: Any) -> dict[str, Any]:
    """One that has its locks."""
    return ready(row=RUNNING, locks=HeldLocks(), holder="default/c", holds_subject=True) | known


def ended(trial: int = 1, seconds_ago: float = 1, outcome: Outcome = Outcome.SELF_HEALED) -> Any:
    """A tally whose last attempt ended so long ago."""
    return tally((0.5,) * trial, recent=(replace(attempt(trial, outcome), ended_at=at(100 - seconds_ago)),))


TABLE = [
    # What is known, the phase and reason that follow (None: it stays), the next task (None: the driver is done).
    ("new", {}, None, Task.RECOVER),
    ("new, and aborted", {"stop": StopReason.ABORTED}, None, Task.RECOVER),
    ("nothing was left open", {"recovered": True}, None, Task.ACTIVATE),
    ("too many others", {"recovered": True, "active_limit": 2}, ("Pending", "TooManyCampaigns"), Task.ACTIVATE),
    ("active", {"recovered": True, "active": True}, None, Task.CHECK_PRECONDITIONS),
    (
        "refused",
        {"recovered": True, "active": True, "check": UNMET, "refusal": REFUSAL},
        ("Pending", "NotOptedIn"),
        Task.CHECK_PRECONDITIONS,
    ),
    (
        "refused before a restart",
        {"recovered": True, "active": True, "refusal": REFUSAL},
        None,
        Task.CHECK_PRECONDITIONS,
    ),
    ("accepted", {"recovered": True, "active": True, "check": MET}, None, Task.OPEN_AGENT_SOURCE),
    ("ready", ready(), None, Task.ACQUIRE_LOCKS),
    ("blocked", ready(blocked=BLOCKED), ("Queued", "SubjectBusy"), Task.ACQUIRE_LOCKS),
    ("not its turn", ready(blocked=TURN, row=QUEUED), ("Queued", "WaitsForTurn"), Task.ACQUIRE_LOCKS),
    ("not its turn again", ready(blocked=TURN, row=RUNNING), None, Task.ACQUIRE_LOCKS),
    (
        "locks just acquired",
        running(row=QUEUED, check=Check.UNKNOWN),
        ("Running", "TrialsRunning"),
        Task.CHECK_PRECONDITIONS,
    ),
    ("checked again", running(), ("Running", "TrialsRunning"), Task.RUN_ATTEMPT),
    ("consent withdrawn", running(check=UNMET, refusal=REFUSAL), None, Task.CHECK_PRECONDITIONS),
    (
        "an attempt ended",
        running(tally=ended(), check=Check.UNKNOWN),
        ("Running", "TrialsRunning"),
        Task.CHECK_PRECONDITIONS,
    ),
    (
        "cooling down",
        running(tally=ended(seconds_ago=9), spec=spec(cooldownSeconds=10)),
        ("Running", "TrialsRunning"),
        Task.COOL_DOWN,
    ),
    (
        "cooled down",
        running(tally=ended(seconds_ago=11), spec=spec(cooldownSeconds=10)),
        ("Running", "TrialsRunning"),
        Task.RUN_ATTEMPT,
    ),
    (
        "the partner's attempt counts, too",
        running(locks=HeldLocks(partner_ended_at=at(95)), spec=spec(cooldownSeconds=10)),
        ("Running", "TrialsRunning"),
        Task.COOL_DOWN,
    ),
    # Suspended
    ("suspended at once", {"recovered": True, "suspending": True}, ("Suspended", "Suspended"), Task.WAIT_FOR_RESUME),
    ("suspended between trials", running(suspending=True), ("Suspended", "Suspended"), Task.WAIT_FOR_RESUME),
    ("a fault goes first", {"suspending": True}, None, Task.RECOVER),
    ("abort wins", running(suspending=True, stop=StopReason.ABORTED), ("Aborted", "Aborted"), None),
    # Ends
    ("all done", running(tally=ended(3)), ("Complete", "AllTrialsDone"), None),
    ("all done, then aborted", running(tally=ended(3), stop=StopReason.ABORTED), ("Complete", "AllTrialsDone"), None),
    ("all done, then suspended", running(tally=ended(3), suspending=True), ("Complete", "AllTrialsDone"), None),
    ("all done and no time left", running(tally=ended(3), time_left=-1.0), ("Complete", "AllTrialsDone"), None),
    ("aborted", running(stop=StopReason.ABORTED), ("Aborted", "Aborted"), None),
    ("aborted while Pending", {"recovered": True, "stop": StopReason.ABORTED}, ("Aborted", "Aborted"), None),
    ("overdue", running(stop=StopReason.OVERDUE), ("Failed", "DeadlineExceeded"), None),
    ("no time left", running(time_left=0.0), ("Failed", "DeadlineExceeded"), None),
    ("some time left", running(time_left=0.1), ("Running", "TrialsRunning"), Task.RUN_ATTEMPT),
    ("deleted", running(stop=StopReason.DELETED), None, None),
    ("the controller exits", running(stop=StopReason.EXITING), None, None),
    (
        "too many infra errors",
        running(tally=tally(outcomes={Outcome.INFRA_ERROR: 4})),
        ("Failed", "TooManyInfraErrors"),
        None,
    ),
    (
        "too many interruptions",
        running(tally=tally(outcomes={Outcome.INTERRUPTED: 11})),
        ("Failed", "TooManyInterruptions"),
        None,
    ),
    (
        "as many as allowed",
        running(tally=tally(outcomes={Outcome.INFRA_ERROR: 3, Outcome.INTERRUPTED: 10})),
        ("Running", "TrialsRunning"),
        Task.RUN_ATTEMPT,
    ),
    ("rejected", {"failure": Refusal(Reason.UNKNOWN_CHAOS, "what")}, ("Failed", "UnknownChaos"), None),
    (
        "cleanup failed, and aborted",
        running(failure=Refusal(Reason.CLEANUP_FAILED, "it will not go"), stop=StopReason.ABORTED),
        ("Failed", "CleanupFailed"),
        None,
    ),
    ("ended before a restart", {"row": row(Phase.ABORTED, "Aborted"), "suspending": True}, None, None),
    # A dry run
    ("to be planned", ready(agent_ready=False, spec=spec(dryRun=True)), None, Task.PLAN_TRIALS),
    (
        "planned before a restart",
        ready(agent_ready=False, spec=spec(dryRun=True), plans=(PLAN,)),
        None,
        Task.PLAN_TRIALS,
    ),
    (
        "planned",
        ready(agent_ready=False, spec=spec(dryRun=True), plans=(PLAN,), planned=True),
        ("Complete", "DryRun"),
        None,
    ),
]


@pytest.mark.parametrize(("known", "entered", "task"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_the_next_phase_and_task_follow_from_what_is_known(known: Any, entered: Any, task: Any) -> None:
    decision = decide(state(**known))
    assert (decision.enter and (decision.enter.phase.value, decision.enter.reason.value)) == entered
    assert decision.task is task


@pytest.mark.parametrize(("waited", "phase"), [(10, Phase.PENDING), (11, Phase.FAILED)])
def test_a_refusal_ends_the_campaign_once_it_has_lasted_too_long(waited: int, phase: Phase) -> None:
    condition = Condition(
        type=ConditionType.ACCEPTED,
        status="False",
        reason="NotOptedIn",
        message="no label",
        last_transition_time=at(100 - waited),
    )
    known = ready(check=UNMET, refusal=REFUSAL, spec=spec(startDeadlineSeconds=10), conditions=[condition])
    decision = decide(state(**known))
    assert decision.enter is not None and decision.enter.phase is phase
    if phase is Phase.FAILED:
        assert decision.enter.reason is Reason.START_DEADLINE_EXCEEDED
        assert decision.enter.message == "waited in vain for startDeadlineSeconds (10 s): no label"


def test_every_task_and_every_phase_is_reached_by_the_table() -> None:
    assert {task for *_, task in TABLE} == {*Task, None}
    assert {entered[0] for _, _, entered, _ in TABLE if entered} == {phase.value for phase in Phase}


def test_a_campaign_without_locks_keeps_none_of_what_they_brought() -> None:
    known = running(refusal=REFUSAL, cooling_until=at(1), interleaving=Interleaving(True, Reason.TAKES_TURNS, ""))
    released = state(**known).without_locks()
    assert not released.active and not released.agent_ready and released.locks is None
    assert released.driver_status.holds_subject is False and released.driver_status.holder is None
    assert released.driver_status.refusal is None and released.driver_status.cooling_until is None
    assert released.driver_status.interleaving is not None, "what is said of the pairs stays true"


def test_after_a_failed_cleanup_the_subject_stays_its() -> None:
    dirty = state(**running(failure=Refusal(Reason.CLEANUP_FAILED, "it will not go"))).without_locks()
    assert dirty.driver_status.holds_subject and dirty.driver_status.holder == "default/c"


def test_the_cooldown_is_counted_from_the_later_end_of_two_arms() -> None:
    known = running(tally=ended(seconds_ago=9), locks=HeldLocks(partner_ended_at=at(95)), spec=spec(cooldownSeconds=10))
    assert state(**known).cooldown_ends_at == at(95) + timedelta(seconds=10)
    assert state().cooldown_ends_at is None
