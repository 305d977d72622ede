"""The reasons of phases and conditions: one CamelCase word each, for tools, with what it means.

docs/reference.md lists them; a test holds the page and this module together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a campaign is in its phase, or why a condition holds or does not. `meaning` is one sentence for people."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """Makes a member whose value is the word itself."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # Pending: a precondition that may still be met

    TOO_MANY_CAMPAIGNS = "TooManyCampaigns", "As many campaigns of the namespace are active as may be at a time."
    NOT_OPTED_IN = "NotOptedIn", "The subject's namespace does not carry the opt-in label as `true`."
    NOT_ALLOWED = "NotAllowed", "The subject's namespace does not name the campaign's in its annotation."
    NAMESPACE_NOT_FOUND = "NamespaceNotFound", "The subject's namespace does not exist."
    FORBIDDEN = "Forbidden", "The controller has no permissions in the subject's namespace."
    SUBJECT_NOT_READY = "SubjectNotReady", "The subject is not there, or not all of it is."
    AGENT_NOT_ALLOWED = "AgentNotAllowed", "The agent's namespace does not name the campaign's in its annotation."
    AGENT_NOT_FOUND = "AgentNotFound", "The agent's Deployment does not exist."
    AGENT_FORBIDDEN = "AgentForbidden", "The controller has no permissions on the agent's Deployment."
    CLUSTER_UNREACHABLE = "ClusterUnreachable", "The API server cannot be reached."
    CLUSTER_ERROR = "ClusterError", "The API server refused a request of the controller."

    # Queued: locks that others hold

    SUBJECT_BUSY = "SubjectBusy", "Another campaign has the subject, or is older and waits for it."
    AGENT_BUSY = "AgentBusy", "Another campaign has the agent's Deployment, or is older and waits for it."
    WAITS_FOR_TURN = "WaitsForTurn", "The other arm of the experiment has its turn. Of Progressing also while Running."

    # Running and Suspended

    TRIALS_RUNNING = "TrialsRunning", "The campaign has the subject and runs its trials."
    SUSPENDED = "Suspended", "`spec.suspend` is true."

    # Complete

    ALL_TRIALS_DONE = "AllTrialsDone", "Every trial has its outcome."
    DRY_RUN = "DryRun", "The trials were planned, and nothing was touched."

    # Failed: the campaign cannot be accepted

    INVALID_SPEC = "InvalidSpec", "The controller cannot read the spec: the CRD is of another version."
    UNKNOWN_SUBJECT = "UnknownSubject", "The controller does not know this type of subject."
    INVALID_SUBJECT = "InvalidSubject", "The subject does not offer what `spec.subject` or `spec.reset` asks for."
    UNKNOWN_CHAOS = "UnknownChaos", "The subject does not offer this type of chaos."
    INVALID_PARAMS = "InvalidParams", "The type of chaos does not take these parameters."
    CAMPAIGN_IN_SUBJECT_NAMESPACE = "CampaignInSubjectNamespace", "It would break its own namespace."
    QUORUM_LOSS = "QuorumLoss", "So many targets may take the quorum, and `spec.allowQuorumLoss` is false."
    INVALID_AGENT = "InvalidAgent", "The agent's source can never be opened as `spec.agent` describes it."
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded", "A precondition was not met within `spec.startDeadlineSeconds`."

    # Failed: the campaign was accepted, and could not be completed

    NO_PLAN = "NoPlan", "A dry run could not plan a trial as the subject stands."
    TOO_MANY_INFRA_ERRORS = "TooManyInfraErrors", "More attempts than `spec.maxInfraErrors` ended as InfraError."
    TOO_MANY_INTERRUPTIONS = "TooManyInterruptions", "More attempts than `spec.maxInterruptions` ended as Interrupted."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "All attempts together took `spec.activeDeadlineSeconds`."
    CLEANUP_FAILED = "CleanupFailed", "A fault could not be reverted, and the subject stays locked."

    # Aborted

    ABORTED = "Aborted", "`spec.abort` is true."
    DELETED = "Deleted", "The object was deleted before the campaign was done; only the records show it."

    # Conditions

    ACCEPTED = "Accepted", "Of Accepted: the subject, the type of chaos and its parameters are valid."
    HELD = "Held", "Of SubjectLocked: this campaign has the subject."
    HELD_BY_ANOTHER = "HeldByAnother", "Of SubjectLocked: another campaign has the subject."
    RELEASED = "Released", "Of SubjectLocked: the subject is free for the next campaign."
    TAKES_TURNS = "TakesTurns", "Of Interleaved: the campaign takes turns with its other arm."
    PARTNER_ENDED = "PartnerEnded", "Of Interleaved: the other arm has ended, so this one goes on alone."
    PARTNER_ALONE = "PartnerAlone", "Of Interleaved: the other arm goes on alone, so this one does as well."
    PARTNER_MISSING = "PartnerMissing", "Of Interleaved: the other arm was not created in time."
    PARTNER_DIFFERS = "PartnerDiffers", "Of Interleaved: the specs of the two arms differ where they must not."
    ARM_TAKEN = "ArmTaken", "Of Interleaved: an older campaign of the group is the same arm."
    GROUP_FULL = "GroupFull", "Of Interleaved: the group has its two arms already."

    @classmethod
    def parse(cls, text: str) -> Reason | None:
        """Returns the reason of this text; None for one that this version does not know."""
        return next((reason for reason in cls if reason == text), None)
