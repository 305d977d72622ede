"""The spec of a campaign: `spec`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from controller.api.base import Model
from controller.api.enums import Mode


class Probe(StrEnum):
    """The choice whether a client of our own decides if clients are served."""

    NONE = "none"
    WRITE = "write"


class Reset(StrEnum):
    """How the subject is brought to its known state before an attempt."""

    HEAL = "heal"
    RECREATE = "recreate"


LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""One label of a DNS name (RFC 1123); length limits are separate."""

HOST = r"([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
"""A name, an IPv4 address, or an IPv6 address in brackets."""

PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
"""1 to 65535."""

RoleName = Annotated[str, Field(min_length=1, max_length=63)]
Selector = Annotated[str, Field(max_length=512, pattern=r"[A-Za-z0-9]")]
"""A label selector. The API server of Kubernetes reads it; here it only must not select everything."""
Endpoint = Annotated[str, Field(max_length=300, pattern=rf"^https?://{HOST}:{PORT}$")]


class SubjectRef(Model):
    """The system under test: its namespace, and how to reach it if other manifests than ours set it up."""

    type: str = Field(min_length=1, max_length=63)
    namespace: str = Field(min_length=1, max_length=63, pattern=rf"^{LABEL}$")
    probe: Probe = Probe.NONE
    selectors: dict[RoleName, Selector] = Field(default_factory=dict, max_length=8)
    endpoints: tuple[Endpoint, ...] = Field((), max_length=16)
    tls_secret: str = Field("", max_length=253, pattern=rf"^({LABEL}([.]{LABEL})*)?$")


ParamName = Annotated[str, Field(min_length=1, max_length=63)]
ParamText = Annotated[str, Field(max_length=256)]


class ChaosRef(Model):
    """The chaos type and its parameters. `params` are checked by the subject's own chaos type."""

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


class Source(StrEnum):
    """The sources of an agent's tickets, sessions and commands that are part of this project. Plug-ins add others."""

    NONE = "none"
    HTTP = "http"
    OPERATOR_DB = "operatorDb"


class AgentWorkload(Model):
    """The agent's own Deployment; both names empty where the agent is not ours to start."""

    namespace: str = Field("", max_length=63, pattern=rf"^({LABEL})?$")
    name: str = Field("", max_length=253, pattern=rf"^({LABEL}([.]{LABEL})*)?$")


class Agent(Model):
    """How the agent's work is seen, and what runs it."""

    source: str = Field(Source.NONE.value, max_length=63, pattern=r"^[A-Za-z][-.A-Za-z0-9]*$")
    source_options: dict[ParamName, int | ParamText] = Field(default_factory=dict, max_length=16)
    path: str = Field("", max_length=1024)
    time_zone: str = Field("UTC", min_length=1, max_length=64)
    workload: AgentWorkload = Field(default_factory=AgentWorkload)
    start_seconds: int = Field(120, ge=1, le=3600)

    def options_of_source(self) -> dict[str, int | str]:
        """Returns the options of the source. Those of `operatorDb` have fields of their own, as always."""
        fields = {"path": self.path, "timeZone": self.time_zone} if self.source == Source.OPERATOR_DB else {}
        return {**fields, **self.source_options}


class Variant(Model):
    """The configuration of the agent: a label for people, stored with the records."""

    name: str = Field("", max_length=253)
    model: str = Field("", max_length=253)
    prompt_hash: str = Field("", max_length=128)
    tools: tuple[Annotated[str, Field(max_length=128)], ...] = Field((), max_length=64)


class Interleave(Model):
    """The experiment that the campaign is one of two arms of; both empty: it takes no turns with another."""

    group: str = Field("", max_length=63, pattern=rf"^({LABEL})?$")
    arm: str = Field("", max_length=63, pattern=rf"^({LABEL})?$")


class QuietPeriod(Model):
    """The bounds, in seconds, of the time in which nothing is done between the agent's start and the injection."""

    min_seconds: int = Field(2, ge=0, le=3600)
    max_seconds: int = Field(15, ge=0, le=3600)


class Controls(Model):
    """The part of a spec that may change while the campaign runs: whether it goes on, and how long it stays."""

    suspend: bool = False
    abort: bool = False
    ttl_seconds_after_finished: int | None = Field(None, ge=0, le=31_536_000)


class CampaignSpec(Controls):
    """The spec of a campaign. All but the controls is immutable once created."""

    subject: SubjectRef
    chaos: ChaosRef
    mode: Mode = Mode.BASELINE
    trials: int = Field(8, ge=1, le=10_000)
    quiet_period: QuietPeriod = Field(default_factory=QuietPeriod)
    observe_seconds: int = Field(120, ge=1, le=86_400)
    settle_seconds: int = Field(5, ge=1, le=3600)
    max_blind_seconds: int = Field(5, ge=0, le=3600)
    confirm_seconds: int = Field(30, ge=0, le=86_400)
    seed: int = Field(0, ge=0, le=2**53 - 1)
    agent: Agent = Field(default_factory=Agent)
    variant: Variant = Field(default_factory=Variant)
    interleave: Interleave = Field(default_factory=Interleave)
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
