"""The EvalCampaign resource as Python values: the words of `crds/evalcampaigns.yaml`, checked against it by a test.

Reading is lenient (`extra="ignore"`), so that a newer CRD does not break an older controller; writing is exact.
Names in YAML are camelCase, names in Python snake_case. Durations are whole seconds; times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from operator import not_
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

GROUP = "evalcampaign.dev"
VERSION = "v1alpha1"
PLURAL = "evalcampaigns"
KIND = "EvalCampaign"

RECENT_ATTEMPTS = 10
"""How many attempts `status.recent` keeps: the status stays small however long the campaign is."""


PLANNED_TRIALS = 10
"""How many trials a dry run plans."""


def _whole_seconds(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[datetime, PlainSerializer(_whole_seconds, when_used="json")]
"""A metav1.Time: UTC, whole seconds. The records keep the microseconds."""


class Model(BaseModel):
    """Base of everything here: camelCase outside, frozen inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Probe(StrEnum):
    """Whether a client of our own says if clients are served."""

    NONE = "none"
    WRITE = "write"


class Reset(StrEnum):
    """How the subject is brought to its known state before an attempt."""

    HEAL = "heal"
    RECREATE = "recreate"


LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""One label of a DNS name (RFC 1123); length limits stand beside it."""

HOST = r"([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
"""A name, an IPv4 address, or an IPv6 address in brackets."""

PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
"""1 to 65535."""

RoleName = Annotated[str, Field(min_length=1, max_length=63)]
Selector = Annotated[str, Field(max_length=512, pattern=r"[A-Za-z0-9]")]
"""A label selector. The API server of Kubernetes reads it; here it only must not select everything."""
Endpoint = Annotated[str, Field(max_length=300, pattern=rf"^https?://{HOST}:{PORT}$")]


class SubjectRef(Model):
    """Which system is broken, where it lives, and how to reach it where our manifests did not set it up."""

    type: str = Field(min_length=1, max_length=63)
    namespace: str = Field(min_length=1, max_length=63, pattern=rf"^{LABEL}$")
    probe: Probe = Probe.NONE
    selectors: dict[RoleName, Selector] = Field(default_factory=dict, max_length=8)
    endpoints: tuple[Endpoint, ...] = Field((), max_length=16)
    tls_secret: str = Field("", max_length=253, pattern=rf"^({LABEL}([.]{LABEL})*)?$")


ParamName = Annotated[str, Field(min_length=1, max_length=63)]
ParamText = Annotated[str, Field(max_length=256)]


class ChaosRef(Model):
    """What is done to it. `params` are checked by the subject's own chaos type."""

    type: str = Field(min_length=1, max_length=63)
    params: dict[ParamName, int | ParamText] = Field(default_factory=dict, max_length=16)


class Deadlines(Model):
    """How long each step of an attempt, and all of it, may take before it ends as InfraError."""

    reset_seconds: int = Field(120, ge=1, le=3600)
    healthy_seconds: int = Field(300, ge=1, le=86400)
    capture_seconds: int = Field(30, ge=1, le=600)
    inject_seconds: int = Field(30, ge=1, le=600)
    cleanup_seconds: int = Field(120, ge=1, le=3600)
    attempt_seconds: int = Field(0, ge=0, le=604_800)
    """0: no limit beyond those of the steps."""


class Mode(StrEnum):
    """Who is expected to act while the fault is there."""

    BASELINE = "baseline"


class Controls(Model):
    """The part of a spec that may change while the campaign runs: whether it goes on, and how long it stays."""

    suspend: bool = False
    abort: bool = False
    ttl_seconds_after_finished: int | None = Field(None, ge=0, le=31_536_000)


class CampaignSpec(Controls):
    """What is asked for. All but the controls is immutable once created."""

    subject: SubjectRef
    chaos: ChaosRef
    mode: Mode = Mode.BASELINE
    trials: int = Field(5, ge=1, le=10_000)
    observe_seconds: int = Field(120, ge=1, le=86_400)
    settle_seconds: int = Field(5, ge=1, le=3600)
    max_blind_seconds: int = Field(5, ge=0, le=3600)
    seed: int = Field(0, ge=0, le=2**53 - 1)
    allow_quorum_loss: bool = False
    reset: Reset = Reset.HEAL
    deadlines: Deadlines = Field(default_factory=Deadlines)
    max_infra_errors: int = Field(3, ge=0, le=10_000)
    max_interruptions: int = Field(10, ge=0, le=10_000)
    start_deadline_seconds: int = Field(3600, ge=1, le=604_800)
    active_deadline_seconds: int = Field(0, ge=0, le=31_536_000)
    """0: no limit."""
    cooldown_seconds: int = Field(0, ge=0, le=86_400)
    dry_run: bool = False


class Phase(StrEnum):
    """Where a campaign stands. Complete, Failed and Aborted are final."""

    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETE = "Complete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Phase.COMPLETE, Phase.FAILED, Phase.ABORTED)

    @property
    def lets_go(self) -> bool:
        """Whether the subject is free for others."""
        return self.terminal or self is Phase.SUSPENDED


class Step(StrEnum):
    """The steps of an attempt, in their order."""

    RESET = "reset"
    AWAIT_HEALTHY = "await_healthy"
    CAPTURE_INITIAL = "capture_initial"
    INJECT = "inject"
    OBSERVE = "observe"
    CAPTURE_FINAL = "capture_final"
    CLEANUP = "cleanup"
    RECORD = "record"


class Outcome(StrEnum):
    """How an attempt ended. The last four are not scored: they say nothing about the subject."""

    SELF_HEALED = "SelfHealed"
    NOT_HEALED = "NotHealed"
    NOT_MANIFESTED = "NotManifested"
    INFRA_ERROR = "InfraError"
    INTERRUPTED = "Interrupted"
    ABORTED = "Aborted"

    @property
    def scored(self) -> bool:
        """Whether the attempt counts in a rate."""
        return self in (Outcome.SELF_HEALED, Outcome.NOT_HEALED)

    @property
    def repeated(self) -> bool:
        """Whether the trial is run again, as the next attempt."""
        return self in (Outcome.INFRA_ERROR, Outcome.INTERRUPTED)


class ConditionType(StrEnum):
    """The conditions a campaign carries."""

    ACCEPTED = "Accepted"
    SUBJECT_LOCKED = "SubjectLocked"
    PROGRESSING = "Progressing"
    COMPLETE = "Complete"
    FAILED = "Failed"
    FINISHED = "Finished"
    CLEANUP_FAILED = "CleanupFailed"


class Condition(Model):
    """A metav1.Condition."""

    type: ConditionType
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(min_length=1, max_length=1024)
    message: str = Field(max_length=1024)
    last_transition_time: Time
    observed_generation: int = Field(0, ge=0)


class Summary(Model):
    """Trials planned and done, and attempts by outcome."""

    planned: int = Field(ge=0)
    done: int = Field(ge=0)
    progress: str = Field(max_length=32)
    """`done/planned`, for the Trials column."""
    scored: int = Field(0, ge=0)
    # Left out where empty, as are the lists below: server-side apply makes a null of a map that loses its last key.
    outcomes: dict[Outcome, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, exclude_if=not_)


class Rates(Model):
    """What the campaign found so far. Every rate carries its n; absent where n is 0."""

    recovered: str | None = Field(None, max_length=64)
    """Recovered by the deadline among the scored, as `1/3 (33%)`, for the Recovered column."""
    recovery_rate: str | None = Field(None, max_length=16)
    """The same as a decimal fraction; a string, as Kubernetes APIs avoid floats."""
    median_time_to_recover: str | None = Field(None, max_length=32)
    """Seconds, censored at the deadline: `>60s` where half or more had not recovered by then."""


class Current(Model):
    """What is being done right now."""

    trial: int = Field(ge=1)
    attempt: int = Field(ge=1)
    step: Step
    since: Time
    deadline: Time | None = None
    message: str = Field("", max_length=512)


class Recent(Model):
    """One of the last attempts that ended."""

    trial: int = Field(ge=1)
    attempt: int = Field(ge=1)
    outcome: Outcome
    target: str | None = Field(None, max_length=253)
    time_to_recover: str | None = Field(None, max_length=32)
    ended_at: Time
    message: str = Field("", max_length=256)


class Plan(Model):
    """What a trial would do, by a dry run."""

    trial: int = Field(ge=1)
    seed: int = Field(ge=0, le=2**53 - 1)
    chaos: str = Field(max_length=63)
    target: str = Field(max_length=253)
    facts: str = Field("", max_length=128)
    """Uid, parameters and what else is known, as `name=value, …`."""


class CampaignStatus(Model):
    """What the controller reports; computed from the records, never the truth itself."""

    phase: Phase
    observed_generation: int = Field(0, ge=0)
    message: str = Field("", max_length=1024)
    started_at: Time | None = None
    finished_at: Time | None = None
    summary: Summary | None = None
    rates: Rates | None = None
    current: Current | None = None
    recent: list[Recent] = Field(default_factory=list, max_length=RECENT_ATTEMPTS, exclude_if=not_)
    plans: list[Plan] = Field(default_factory=list, max_length=PLANNED_TRIALS, exclude_if=not_)
    conditions: list[Condition] = Field(default_factory=list, max_length=16, exclude_if=not_)

    def to_json(self) -> dict[str, object]:
        """As the API server takes it: camelCase; what is absent or an empty list or map is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
