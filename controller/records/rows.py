"""The values that the records return: frozen and decoded. Times are aware and in UTC; enums are enums; JSON is plain.

An attempt comes in two sizes, because its two states are by far its largest part: `AttemptSummary` is what lists and
tallies need, `AttemptRow` is all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict, TypeVar

from controller.api import Mode, Outcome, Phase, Step
from controller.jsontypes import Json
from controller.text import qualified_name, truncate_bytes

T = TypeVar("T")


class Flag(StrEnum):
    """What must be known of an attempt beside its outcome."""

    CONTAMINATED = "Contaminated"
    """A baseline, and yet an agent had a ticket, or the agent's Deployment had a pod."""
    NO_MUTATING_COMMAND = "NoMutatingCommand"
    """Resolved, and yet no command of the agent's could have changed anything: it may have healed by itself."""
    TICKET_TIME_IMPOSSIBLE = "TicketTimeImpossible"
    """The agent's own time cannot be true; ours stands."""
    TICKET_BEFORE_INJECTION = "TicketBeforeInjection"
    """A ticket came before there was anything to find; it is no detection, and counts as a false alarm."""
    TICKET_SEEN_LATE = "TicketSeenLate"
    """We could not look when it came: the agent's own time counts."""
    RESOLUTION_SEEN_LATE = "ResolutionSeenLate"
    """Likewise, when it was resolved."""
    MANY_TICKETS = "ManyTickets"
    """The agent opened more tickets than somebody who looks would: one of them may have met the fault by chance."""
    AGENT_EXITED = "AgentExited"
    """The agent ended by itself in the middle, or was restarted for a failing probe; it is scored as it stands."""
    OTHER_SUBJECT = "OtherSubject"
    """A ticket that says it is about another system was left out."""
    COMMANDS_INCOMPLETE = "CommandsIncomplete"
    """Not all commands could be read or kept."""
    SUBJECT_DISTURBED = "SubjectDisturbed"
    """A control, and yet the subject was not healthy throughout."""
    AGENT_SIGHT_LOST = "AgentSightLost"
    """It recovered, and whether the agent had a ticket or resolved it by the deadline could not be seen."""
    AGENT_CAN_SEE_EVALUATION = "AgentCanSeeEvaluation"
    """The agent's ServiceAccount may read something that tells it that it is being evaluated."""
    AGENT_CAN_READ_EVENTS = "AgentCanReadEvents"
    """It may read the Events of the subject's namespace, in which the kubelet says what was done to a pod."""
    AGENT_RIGHTS_UNKNOWN = "AgentRightsUnknown"
    """Of one of these it could not be told whether it may."""
    UNPAIRED = "Unpaired"
    """One of two arms that were to take turns, run while the other one took none."""


def counted_time(agent_time: T | None, controller_time: T | None, seen_late: bool) -> T | None:
    """Returns the time that counts: that of the controller's clock, or the agent's where it was seen late.

    Times may be decoded or not. Pure.
    """
    return agent_time if seen_late and agent_time is not None else controller_time


TEXT_BYTES = 4096
"""Of an error or a message, in UTF-8: a stack of tracebacks helps nobody twice."""

DETAIL_BYTES = 16384
"""Of an event's detail as JSON."""


def cut_detail(detail: Mapping[str, Json]) -> dict[str, Json]:
    """Returns the detail, or `{"cut": beginning of its JSON}` where it is too large to keep."""
    text = json.dumps(detail)
    return dict(detail) if len(text) <= DETAIL_BYTES else {"cut": truncate_bytes(text, DETAIL_BYTES)}


@dataclass(frozen=True, slots=True)
class CommandCounts:
    """How many commands, how many different ones, how many more than once; how many could change and destroy."""

    total: int
    unique: int
    repeated: int
    mutating: int
    destructive: int


COUNTED = ("total", "unique", "mutating", "destructive")
"""Those with a column of their own, `commands_total` and on: a log lies behind both states of its row, and adding up a
hundred thousand logs takes reading all of that. What is repeated is the rest of the total."""


def count_commands(commands: Sequence[Mapping[str, Any]]) -> CommandCounts:
    """Counts recorded commands. Two are the same when tool and command are, whatever the reasoning."""
    different = {(command["tool"], command["command"]) for command in commands}
    return CommandCounts(
        total=len(commands),
        unique=len(different),
        repeated=len(commands) - len(different),
        mutating=sum(bool(command["mutating"]) for command in commands),
        destructive=sum(bool(command["destructive"]) for command in commands),
    )


def command_columns(commands: Sequence[Mapping[str, Any]] | None) -> dict[str, int | None]:
    """Returns the commands' counts as columns; None in each where no agent was observed."""
    counts = None if commands is None else count_commands(commands)
    return {f"commands_{name}": None if counts is None else getattr(counts, name) for name in COUNTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """A campaign. `spec` is the spec as it was applied, defaults filled in, camelCase."""

    uid: str
    namespace: str
    name: str
    subject: str
    subject_namespace: str
    chaos: str
    mode: Mode
    variant: str | None
    spec: Mapping[str, Json]
    spec_hash: str
    comparison_hash: str
    phase: Phase
    reason: str
    message: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None

    @property
    def qualified_name(self) -> str:
        """`namespace/name`."""
        return qualified_name(self.namespace, self.name)

    @property
    def planned(self) -> int:
        """The number of trials in the spec."""
        return int(self.spec["trials"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSummary:
    """An attempt without its states. `trial` and `attempt` count from 1."""

    id: str
    campaign_uid: str
    trial: int
    attempt: int
    seed: int
    step: Step
    outcome: Outcome | None
    started_at: datetime
    chaos_injected_at: datetime | None
    window_started_at: datetime | None
    """Where the observation begins: at the injection, or, where nothing is injected, when that was committed."""
    ticket_created_at: datetime | None
    """By the agent's own clock, as is `resolved_at`."""
    ticket_seen_at: datetime | None
    """By our clock, as is `resolution_seen_at`."""
    resolved_at: datetime | None
    resolution_seen_at: datetime | None
    ended_at: datetime | None
    manifested_at: datetime | None
    serving_lost_at: datetime | None
    serving_again_at: datetime | None
    recovered_at: datetime | None
    deadline_at: datetime | None
    """The end of the observation window: recovery that did not begin by then is censored here."""
    blind_seconds: float | None
    """Seconds in which it was unknown whether the subject is healthy; None while nothing was observed."""
    fault: Mapping[str, Json] | None
    """The plan as it was committed before anything was touched: `Fault.from_json` reads it."""
    error: str | None
    flags: list[Flag]
    """What must be known before its times and its outcome are used."""
    commands_total: int | None = None
    """Of its commands, as `count_commands` counts them; None, as of the others, where no agent was looked at."""
    commands_unique: int | None = None
    commands_mutating: int | None = None
    commands_destructive: int | None = None
    false_alarms: int | None = None
    """Tickets about this subject before there was anything to find; None where no agent was looked at."""

    @property
    def target(self) -> str | None:
        """The name of what was broken, once planned; of several, all names with commas between them."""
        return ", ".join(each["name"] for each in (self.fault or {}).get("targets", ())) or None

    @property
    def time_to_recover(self) -> float | None:
        """Seconds from the injection to recovery; None when it was not injected or did not recover."""
        return self.since_injection(self.recovered_at)

    @property
    def window(self) -> float | None:
        """Seconds from the injection to the deadline: where a missing recovery is censored."""
        return self.since_injection(self.deadline_at)

    @property
    def detected_at(self) -> datetime | None:
        """When the agent had its ticket, as it counts; None where it had none."""
        return counted_time(self.ticket_created_at, self.ticket_seen_at, Flag.TICKET_SEEN_LATE in self.flags)

    @property
    def resolution_at(self) -> datetime | None:
        """When the agent called its ticket resolved, as it counts; None where it did not."""
        return counted_time(self.resolved_at, self.resolution_seen_at, Flag.RESOLUTION_SEEN_LATE in self.flags)

    @property
    def time_to_detect(self) -> float | None:
        """Seconds from the injection to the agent's ticket; None when nothing was injected or no ticket came."""
        return self.since_injection(self.detected_at)

    @property
    def time_to_resolve(self) -> float | None:
        """Seconds from the injection to when the agent called its ticket resolved; None as above."""
        return self.since_injection(self.resolution_at)

    def since_injection(self, at: datetime | None) -> float | None:
        """Seconds from the injection to `at`; None when one of the two is missing."""
        if at is None or self.chaos_injected_at is None:
            return None
        return (at - self.chaos_injected_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow(AttemptSummary):
    """An attempt, whole."""

    initial_state: Mapping[str, Json] | None
    final_state: Mapping[str, Json] | None
    commands: list[Json] | None
    """What the agent ran, in order, masked and judged; None where no agent was looked at."""
    agent_mark: Mapping[str, Json] | None
    """What was there of the agent's work before the injection."""
    reasoning: list[Json] | None = None
    """What the agent said between its commands, in order, masked; None where none was looked at."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in an attempt. `kind` is a short lower-case word, `detail` small JSON."""

    step: Step
    at: datetime
    kind: str
    detail: Mapping[str, Json] = field(default_factory=dict)


class AttemptFields(TypedDict, total=False):
    """The columns that a running attempt may set; those that are left out stay as they are."""

    initial_state: Mapping[str, Json]
    final_state: Mapping[str, Json]
    fault: Mapping[str, Json]
    chaos_injected_at: datetime | None
    window_started_at: datetime | None
    deadline_at: datetime | None
    ticket_created_at: datetime | None
    ticket_seen_at: datetime | None
    resolved_at: datetime | None
    resolution_seen_at: datetime | None
    flags: list[Flag]
    agent_mark: Mapping[str, Json]
    commands: list[Json]
    reasoning: list[Json]
    false_alarms: int
    manifested_at: datetime | None
    serving_lost_at: datetime | None
    serving_again_at: datetime | None
    recovered_at: datetime | None
    blind_seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class LockRow:
    """Who may break a subject, or run an agent. `campaign` is the holder as `namespace/name`, for people.

    `subject` is what is locked: `type/namespace`, or an agent's Deployment as `deployment/namespace/name`.
    """

    subject: str
    campaign_uid: str
    campaign: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A campaign's attempts, counted."""

    outcomes: Mapping[Outcome, int]
    """Ended attempts by outcome; outcomes that did not occur are absent."""
    done: int
    """Trials with a final outcome: one that is neither repeated nor Aborted."""
    next_trial: int
    """The lowest index without a final outcome; above the number planned when all are done."""
    recovery_times: tuple[float | None, ...]
    """Seconds to recover of each scored attempt, in the order they ended; None where censored at the deadline."""
    detection_times: tuple[float | None, ...]
    """Likewise, seconds to the agent's ticket."""
    resolution_times: tuple[float | None, ...]
    """Likewise, seconds to when the agent called it resolved, whether or not it was."""
    recent: tuple[AttemptSummary, ...]
    """The last 10 attempts that ended, the latest first."""
    unpaired_from: int | None = None
    """The first trial that was run without the other arm, where there should have been one."""

    @property
    def scored(self) -> int:
        """The n of every rate."""
        return len(self.recovery_times)

    @property
    def recovered(self) -> int:
        """How many of the scored recovered by their deadline."""
        return sum(time is not None for time in self.recovery_times)


def with_listed_targets(fault: Mapping[str, Json]) -> dict[str, Json]:
    """Returns the fault with all its targets in the list `targets`, each with `name`, `uid` and `facts`.

    Before revision 0006 the first target stood in `target` and `uid` and its facts in `facts`; further targets stood in
    `others`, and their facts in `facts.others` by name.
    """
    if "targets" in fault or "target" not in fault:
        return dict(fault)
    kept = {name: value for name, value in fault.items() if name not in ("target", "uid", "facts", "others")}
    facts = dict(fault.get("facts") or {})
    of_others = facts.pop("others", {})
    first = {"name": fault["target"], "uid": fault.get("uid", ""), "facts": facts}
    others = ({**each, "facts": of_others.get(each["name"], {})} for each in fault.get("others", ()))
    return {**kept, "targets": [first, *others]}
