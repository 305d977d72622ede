"""The phases of a campaign, from Pending to its end: what is known, and what follows from it. Pure.

`CampaignState` is all that is known of a campaign. `decide` returns its next phase with the reason, and the task that
has to be done next. The driver does the task, learns something from it, and decides again; everything that happens
meanwhile (an abort, a suspension, a deletion) is one more thing known. Nothing else in the controller chooses a phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from controller.api import (
    CampaignSpec,
    Condition,
    ConditionType,
    CurrentAttempt,
    Mode,
    Outcome,
    Phase,
    Plan,
    QuietPeriod,
    Reason,
)
from controller.attempt.outcome import StopReason
from controller.campaign.locks import Blocked, HeldLocks
from controller.kube import CampaignRef
from controller.records import CampaignRow, Tally
from controller.status import DriverStatus, Interleaving, Refusal
from controller.text import qualified_name, truncate


@dataclass(frozen=True, slots=True)
class Campaign:
    """An EvalCampaign object as the driver gets it. `conditions` and `plans` are those of its status."""

    ref: CampaignRef
    spec: CampaignSpec
    generation: int
    created_at: datetime
    conditions: Sequence[Condition] = ()
    plans: Sequence[Plan] = ()


class Task(Enum):
    """The tasks of the driver, in the order of a run."""

    RECOVER = "recover"
    """Revert and close the attempt that an earlier process left open. A fault must not wait for anybody's consent."""
    WAIT_FOR_RESUME = "wait for resume"
    """Wait until `spec.suspend` is false. A suspended campaign holds nothing."""
    ACTIVATE = "activate"
    """Become one of the namespace's active campaigns, whose number is limited."""
    CHECK_PRECONDITIONS = "check preconditions"
    """Check authorization, subject and agent; after a refusal, wait before that."""
    PLAN_TRIALS = "plan trials"
    """Plan the first trials of a dry run."""
    OPEN_AGENT_SOURCE = "open agent source"
    """Open the agent's source. Ahead of the locks, so that its token can be fetched while the campaign is Queued."""
    ACQUIRE_LOCKS = "acquire locks"
    """Wait for the locks on subject and agent and, as one of two arms, for the campaign's turn."""
    COOL_DOWN = "cool down"
    """Leave the subject alone for `spec.cooldownSeconds` after the last attempt."""
    RUN_ATTEMPT = "run attempt"
    """Run the next attempt of the next trial."""


class Check(Enum):
    """The state of the preconditions."""

    UNKNOWN = "unknown"
    """They are to be checked before anything else is done."""
    MET = "met"
    UNMET = "unmet"


@dataclass(frozen=True, slots=True)
class CampaignState:
    """All that is known of a campaign. `now` is when it was known.

    `row` and `tally` are the records'; `time_left` is what is left of `spec.activeDeadlineSeconds`, in seconds, None
    without a limit. `stop` says why no more trials are to be run, `suspending` that `spec.suspend` is true. `failure`
    ends the campaign as Failed. The driver's progress is `recovered`, `active`, `planned`, `agent_ready`, and
    `locks`, which are None until the campaign may run its next trial. `refusal` stands in the status until the
    preconditions are checked again. `holder` is the campaign that has the subject, and `holds_subject` says whether
    that is this one.
    """

    spec: CampaignSpec
    row: CampaignRow
    tally: Tally
    generation: int
    now: datetime
    conditions: Sequence[Condition] = ()
    time_left: float | None = None
    stop: StopReason | None = None
    suspending: bool = False
    failure: Refusal | None = None
    recovered: bool = False
    active: bool = False
    active_limit: int | None = None
    """The limit on active campaigns, while the campaign waits for that; else None."""
    check: Check = Check.UNKNOWN
    refusal: Refusal | None = None
    planned: bool = False
    plans: tuple[Plan, ...] = ()
    agent_ready: bool = False
    locks: HeldLocks | None = None
    blocked: Blocked | None = None
    interleaving: Interleaving | None = None
    holder: str | None = None
    holds_subject: bool = False
    cooling_until: datetime | None = None
    current: CurrentAttempt | None = None

    @property
    def name(self) -> str:
        """The campaign as `namespace/name`."""
        return qualified_name(self.row.namespace, self.row.name)

    @property
    def driver_status(self) -> DriverStatus:
        """Returns what the status shows in addition to the records."""
        waiting = self.blocked.message if self.blocked is not None else None
        return DriverStatus(
            refusal=self.refusal,
            holder=self.holder,
            holds_subject=self.holds_subject,
            current=self.current,
            suspending=self.suspending,
            cooling_until=self.cooling_until,
            waiting=waiting,
            interleaving=self.interleaving,
            plans=self.plans,
        )

    @property
    def refused_since(self) -> datetime | None:
        """Returns since when the campaign is not accepted, by its condition, which outlives the process."""
        refused = (c for c in self.conditions if c.type is ConditionType.ACCEPTED and c.status == "False")
        return next((condition.last_transition_time for condition in refused), None)

    @property
    def cooldown_ends_at(self) -> datetime | None:
        """Returns when `spec.cooldownSeconds` have passed since the last attempt of the campaign or of its partner."""
        ended = [each.ended_at for each in self.tally.recent[:1]]
        if self.locks is not None:
            ended.append(self.locks.partner_ended_at)
        known = [each for each in ended if each is not None]
        return max(known) + timedelta(seconds=self.spec.cooldown_seconds) if known else None

    def without_locks(self) -> CampaignState:
        """Returns what is known once the campaign has the subject no more, and asks for nothing."""
        keeps_subject = self.failure is not None and self.failure.reason is Reason.CLEANUP_FAILED
        return replace(
            self,
            active=False,
            active_limit=None,
            check=Check.UNKNOWN,
            refusal=None,
            agent_ready=False,
            locks=None,
            blocked=None,
            holder=self.holder if keeps_subject else None,
            holds_subject=self.holds_subject and keeps_subject,
            cooling_until=None,
            current=None,
        )


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """The phase that a campaign is in from now on, why, and what people read of it."""

    phase: Phase
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of `decide`. `enter` None: the phase stays. `task` None: the driver has nothing more to do."""

    task: Task | None
    enter: PhaseChange | None = None


def decide(state: CampaignState) -> Decision:
    """Returns the phase that the campaign enters, and the driver's next task. The first rule that applies counts."""
    spec, tally = state.spec, state.tally
    if state.row.phase.terminal:
        return Decision(None)
    if state.failure is not None:
        return _end(Phase.FAILED, state.failure.reason, state.failure.message)
    if not state.recovered:
        return Decision(Task.RECOVER)

    # Nothing more is to be run -------------------------------------------------------------------------------------
    progress = f"{tally.done} of {spec.trials} trials are done"
    if tally.next_trial > spec.trials:
        return _end(Phase.COMPLETE, Reason.ALL_TRIALS_DONE, summarize(spec.mode, tally))
    if state.stop is StopReason.ABORTED:
        return _end(Phase.ABORTED, Reason.ABORTED, f"aborted by spec.abort; {progress}")
    if state.stop is StopReason.OVERDUE or (state.time_left is not None and state.time_left <= 0):
        limit = f"activeDeadlineSeconds ({spec.active_deadline_seconds} s)"
        return _end(Phase.FAILED, Reason.DEADLINE_EXCEEDED, f"the attempts have taken {limit} in all; {progress}")
    if state.stop is not None:  # deleted, or the controller exits: the finalizer or the next process goes on
        return Decision(None)
    if (exceeded := exceeded_budget(spec, tally)) is not None:
        return _end(Phase.FAILED, exceeded.reason, exceeded.message)
    if state.suspending:
        suspended = PhaseChange(Phase.SUSPENDED, Reason.SUSPENDED, f"suspended by spec.suspend; {progress}")
        return Decision(Task.WAIT_FOR_RESUME, suspended)

    # Pending -------------------------------------------------------------------------------------------------------
    if not state.active:
        return Decision(Task.ACTIVATE, _too_many_campaigns(state))
    if state.check is Check.UNMET:
        return _refused(state)
    if not state.agent_ready and state.check is Check.UNKNOWN:
        return Decision(Task.CHECK_PRECONDITIONS)
    if spec.dry_run and state.planned:
        return _end(Phase.COMPLETE, Reason.DRY_RUN, summarize_plans(state.plans, spec.trials))
    if spec.dry_run:
        return Decision(Task.PLAN_TRIALS)
    if not state.agent_ready:
        return Decision(Task.OPEN_AGENT_SOURCE)

    # Queued --------------------------------------------------------------------------------------------------------
    if state.locks is None:
        waits = None
        if state.blocked is not None and state.row.phase is not Phase.RUNNING:  # a Running campaign stays Running
            waits = PhaseChange(Phase.QUEUED, state.blocked.reason, state.blocked.message)
        return Decision(Task.ACQUIRE_LOCKS, waits)

    # Running -------------------------------------------------------------------------------------------------------
    what = f"{spec.trials} trials of {spec.chaos.type} on {spec.subject.type} in {spec.subject.namespace}"
    running = PhaseChange(Phase.RUNNING, Reason.TRIALS_RUNNING, what)
    if state.cooldown_ends_at is not None and state.cooldown_ends_at > state.now:
        return Decision(Task.COOL_DOWN, running)
    if state.check is Check.UNKNOWN:  # before every trial: consent may be withdrawn, and a subject removed
        return Decision(Task.CHECK_PRECONDITIONS, running)
    return Decision(Task.RUN_ATTEMPT, running)


def _end(phase: Phase, reason: Reason, message: str) -> Decision:
    return Decision(None, PhaseChange(phase, reason, message))


def _too_many_campaigns(state: CampaignState) -> PhaseChange | None:
    if state.active_limit is None:
        return None
    why = f"{state.active_limit} campaigns of namespace {state.row.namespace} are active, as many as may be at a time"
    return PhaseChange(Phase.PENDING, Reason.TOO_MANY_CAMPAIGNS, f"{why}; this one waits its turn")


def _refused(state: CampaignState) -> Decision:
    """Returns what follows from a refusal: waiting as Pending, or Failed once that took too long."""
    assert state.refusal is not None, "preconditions that are not met have a reason"
    limit = state.spec.start_deadline_seconds
    if state.refused_since is not None and state.now > state.refused_since + timedelta(seconds=limit):
        why = f"waited in vain for startDeadlineSeconds ({limit} s): {state.refusal.message}"
        return _end(Phase.FAILED, Reason.START_DEADLINE_EXCEEDED, why)
    if state.row.phase is Phase.RUNNING:  # a Running campaign stays Running; its condition Accepted says why it waits
        return Decision(Task.CHECK_PRECONDITIONS)
    return Decision(Task.CHECK_PRECONDITIONS, PhaseChange(Phase.PENDING, state.refusal.reason, state.refusal.message))


def exceeded_budget(spec: CampaignSpec, tally: Tally) -> Refusal | None:
    """Returns which of maxInfraErrors and maxInterruptions is exceeded, if one is."""
    for outcome, budget, reason in (
        (Outcome.INFRA_ERROR, spec.max_infra_errors, Reason.TOO_MANY_INFRA_ERRORS),
        (Outcome.INTERRUPTED, spec.max_interruptions, Reason.TOO_MANY_INTERRUPTIONS),
    ):
        count = tally.outcomes.get(outcome, 0)
        if count > budget:
            last = next((f": {a.error}" for a in tally.recent if a.outcome is outcome), "")
            name = reason.removeprefix("TooMany")
            return Refusal(reason, f"{count} attempts ended {outcome}, max{name} is {budget}{last}")
    return None


def summarize(mode: Mode, tally: Tally) -> str:
    """Returns the result of all trials as a sentence."""
    unpaired = f"; without pairs from trial {tally.unpaired_from} on" if tally.unpaired_from is not None else ""
    if mode is Mode.CONTROL:
        alarms = tally.outcomes.get(Outcome.FALSE_ALARM, 0)
        return f"{alarms} false alarms in {tally.scored} scored trials{unpaired}"
    recovered = f"{tally.recovered} of {tally.scored} scored trials recovered"
    if mode is Mode.BASELINE:
        return f"{recovered}{unpaired}"
    return f"{recovered}, {tally.outcomes.get(Outcome.RESOLVED, 0)} were resolved by the agent{unpaired}"


def summarize_plans(plans: Sequence[Plan], trials: int) -> str:
    """Returns the plans of a dry run as a sentence that is short enough to be repeated in every condition."""
    which = f"the first {len(plans)} of {trials} trials" if len(plans) < trials else f"its {trials} trials"
    targets = ", ".join(plan.target for plan in plans)
    return truncate(f"nothing was touched; as it stands now, {which} hit {targets}", 400)


def spec_as_recorded(spec: CampaignSpec, campaign: CampaignRow) -> CampaignSpec:
    """Returns the spec without a quiet period where the campaign was recorded before there were quiet periods.

    The API server fills in today's default for an object of any age; half of the trials would be asked something else.
    """
    if "quietPeriod" in campaign.spec:
        return spec
    return spec.model_copy(update={"quiet_period": QuietPeriod(min_seconds=0, max_seconds=0)})
