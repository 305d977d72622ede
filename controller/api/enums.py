"""The enums of the resource and the records: modes, phases, steps, outcomes, failures."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """The mode of a campaign: whether a fault is injected, and whether an agent is there."""

    BASELINE = "baseline"
    """A fault is injected and nobody acts: does the subject heal itself?"""
    AGENT = "agent"
    """A fault is injected and an agent acts: does it find and fix the fault?"""
    CONTROL = "control"
    """Nothing is injected and an agent is there: does it raise a false alarm?"""

    @property
    def injects(self) -> bool:
        """Returns whether a fault is injected."""
        return self is not Mode.CONTROL

    @property
    def wants_agent(self) -> bool:
        """Returns whether an agent is expected to be there."""
        return self is not Mode.BASELINE


class Phase(StrEnum):
    """The phase of a campaign. Complete, Failed and Aborted are final."""

    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETE = "Complete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @property
    def terminal(self) -> bool:
        """Returns whether the campaign has ended."""
        return self in (Phase.COMPLETE, Phase.FAILED, Phase.ABORTED)

    @property
    def releases_subject(self) -> bool:
        """Returns whether the campaign gives up its locks in this phase."""
        return self.terminal or self is Phase.SUSPENDED

    @property
    def wants_subject(self) -> bool:
        """Returns whether the campaign holds its subject, or waits for its locks only."""
        return self in (Phase.QUEUED, Phase.RUNNING)


class Step(StrEnum):
    """The steps of an attempt, in their order."""

    RESET = "reset"
    AWAIT_HEALTHY = "await_healthy"
    START_AGENT = "start_agent"
    CAPTURE_INITIAL = "capture_initial"
    QUIET_PERIOD = "quiet_period"
    INJECT = "inject"
    OBSERVE = "observe"
    CAPTURE_FINAL = "capture_final"
    CLEANUP = "cleanup"
    RECORD = "record"


class Outcome(StrEnum):
    """How an attempt ended. The last four are not scored, because they say nothing about the subject or the agent."""

    RESOLVED = "Resolved"
    FALSE_RESOLUTION = "FalseResolution"
    DETECTED_UNRESOLVED = "DetectedUnresolved"
    UNDETECTED = "Undetected"
    SELF_HEALED = "SelfHealed"
    NOT_HEALED = "NotHealed"
    QUIET = "Quiet"
    FALSE_ALARM = "FalseAlarm"
    NOT_MANIFESTED = "NotManifested"
    INFRA_ERROR = "InfraError"
    INTERRUPTED = "Interrupted"
    ABORTED = "Aborted"

    @property
    def scored(self) -> bool:
        """Returns whether the attempt counts in a rate."""
        return self not in (Outcome.NOT_MANIFESTED, Outcome.INFRA_ERROR, Outcome.INTERRUPTED, Outcome.ABORTED)

    @property
    def repeated(self) -> bool:
        """Returns whether the trial is run again, as the next attempt."""
        return self in (Outcome.INFRA_ERROR, Outcome.INTERRUPTED)

    @property
    def detected(self) -> bool:
        """Returns whether the agent opened its ticket before the deadline and before the recovery."""
        return self in (Outcome.RESOLVED, Outcome.FALSE_RESOLUTION, Outcome.DETECTED_UNRESOLVED)


class Failure(StrEnum):
    """The part of an attempt that failed; for an InfraError, its cause."""

    TIMED_OUT = "TimedOut"
    """A step, or the attempt, took longer than its deadline."""
    SIGHT_LOST = "SightLost"
    """The health of the subject was unknown for too long."""
    AGENT_SIGHT_LOST = "AgentSightLost"
    """It is unknown whether the agent had a ticket by the deadline, or whether it ran until then."""
    AGENT_NOT_STARTED = "AgentNotStarted"
    AGENT_LOST = "AgentLost"
    """Something else ended the agent, or its node, during the attempt."""
    TOO_MANY_TARGETS = "TooManyTargets"
    """The subject, as it was after the reset, would lose its quorum."""
    CHAOS_REFUSED = "ChaosRefused"
    """The target had been replaced, or the API server refused the injection."""
    SUBJECT_FAILED = "SubjectFailed"
    """Another operation of the subject failed."""
    CLUSTER_REFUSED = "ClusterRefused"
    CLUSTER_UNREACHABLE = "ClusterUnreachable"
    UNEXPECTED = "Unexpected"
    """A bug: see the controller's log."""
