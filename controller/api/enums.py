"""The words of a campaign's life: who acts, where it stands, what it does, how its attempts end."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Who is expected to act, and on what."""

    BASELINE = "baseline"
    """Nobody: does the subject heal itself?"""
    AGENT = "agent"
    """An agent: does it find the fault, and is it gone then?"""
    CONTROL = "control"
    """Nothing is injected: does the agent raise a false alarm?"""

    @property
    def injects(self) -> bool:
        """Whether anything is broken."""
        return self is not Mode.CONTROL

    @property
    def wants_agent(self) -> bool:
        """Whether an agent is expected to be there."""
        return self is not Mode.BASELINE


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
    def releases_subject(self) -> bool:
        """Whether the subject is free for others."""
        return self.terminal or self is Phase.SUSPENDED

    @property
    def wants_subject(self) -> bool:
        """Whether it has the subject, or waits for it and for nothing else."""
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
    """How an attempt ended. The last four are not scored: they say nothing about the subject, nor about the agent."""

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
        """Whether the attempt counts in a rate."""
        return self not in (Outcome.NOT_MANIFESTED, Outcome.INFRA_ERROR, Outcome.INTERRUPTED, Outcome.ABORTED)

    @property
    def repeated(self) -> bool:
        """Whether the trial is run again, as the next attempt."""
        return self in (Outcome.INFRA_ERROR, Outcome.INTERRUPTED)

    @property
    def detected(self) -> bool:
        """Whether the agent had its ticket in time, and while there was something to find."""
        return self in (Outcome.RESOLVED, Outcome.FALSE_RESOLUTION, Outcome.DETECTED_UNRESOLVED)


class Failure(StrEnum):
    """What could not be done in an attempt, or not be seen; why it is an InfraError, where it is one."""

    TIMED_OUT = "TimedOut"
    """A step, or the attempt, had its time."""
    SIGHT_LOST = "SightLost"
    """Nobody knew for too long whether the subject was healthy."""
    AGENT_SIGHT_LOST = "AgentSightLost"
    """Nobody knows whether the agent had a ticket by the deadline, or whether it was there until then."""
    AGENT_NOT_STARTED = "AgentNotStarted"
    AGENT_LOST = "AgentLost"
    """Others ended the agent, or took its node, while it was watched."""
    TOO_MANY_TARGETS = "TooManyTargets"
    """The subject, as the reset left it, would not bear so many of them at once."""
    CHAOS_REFUSED = "ChaosRefused"
    """The target was another one by then, or the API server said no to the injection."""
    SUBJECT_FAILED = "SubjectFailed"
    """The subject could not do something else that was asked of it."""
    CLUSTER_REFUSED = "ClusterRefused"
    CLUSTER_UNREACHABLE = "ClusterUnreachable"
    UNEXPECTED = "Unexpected"
    """Somebody has to look at the code, and at the log."""
