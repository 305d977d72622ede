"""The preconditions of a campaign: its subject is there, offers what is asked, and may be broken; so for its agent.

They are checked before the first trial, and again before each. `Rejected`: waiting will not help, and the campaign ends
Failed. `PreconditionUnmet`: somebody may still meet it, and the campaign stays Pending and checks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ValidationError

from controller.agents.deployment import AgentDeployment
from controller.api import CampaignSpec, Reason
from controller.attempt.injection import exceeds_quorum
from controller.authorization import (
    DEFAULT_KEYS,
    UNAUTHORIZED,
    OptInKeys,
    missing_agent_authorization,
    missing_authorization,
)
from controller.campaign.services import Services
from controller.kube import KubeCampaigns
from controller.status import Refusal
from controller.validation import describe_invalid
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, SubjectContext, SubjectFactory, SubjectNotReady, Unsupported
from subjects.registry import installed

RETRY_SECONDS = 1.0
"""The pause before the next check after a new answer. The same answer again makes it RETRY_GROWTH times as long."""

RETRY_GROWTH = 1.5
MAX_RETRY_SECONDS = 5.0
MAX_RETRY_UNAUTHORIZED_SECONDS = 30.0
"""The longest pause while the namespace's owner has not authorized the campaign: there may be many such campaigns."""

MET = "Permitted"
"""The change that campaigns that wait for the same namespace are notified of, in addition to the reasons of
refusals."""


class NotAccepted(Exception):
    """Base of the two errors that say why a campaign is not accepted."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


class Rejected(NotAccepted):
    """The campaign can never be accepted."""


class PreconditionUnmet(NotAccepted):
    """The campaign may be accepted later."""


def resolve_subject(
    spec: CampaignSpec, campaign_namespace: str, subjects: Mapping[str, SubjectFactory], context: SubjectContext
) -> tuple[EvalSubject, BaseModel]:
    """Returns the subject and the validated chaos parameters. Raises Rejected, with what would be valid.

    For an unknown type it is looked up whether a plug-in of that name is installed and refused; else it is pure.
    """
    if spec.subject.type not in subjects:
        message = _describe_unknown("subject type", spec.subject.type, subjects)
        refused = installed().refusals_of_subject(spec.subject.type)
        raise Rejected(Reason.UNKNOWN_SUBJECT, "; ".join([message, *map(str, refused)]))
    if spec.subject.namespace == campaign_namespace:
        raise Rejected(
            Reason.CAMPAIGN_IN_SUBJECT_NAMESPACE,
            f"the campaign lives in namespace {campaign_namespace}, which it would break: its status and Events would "
            "tell everyone there what was done; apply it in another namespace",
        )
    try:
        subject = subjects[spec.subject.type](context)
    except Unsupported as unsupported:
        raise Rejected(Reason.INVALID_SUBJECT, str(unsupported)) from None
    chaos_types = subject.get_chaos_types()
    if spec.chaos.type not in chaos_types:
        raise Rejected(Reason.UNKNOWN_CHAOS, _describe_unknown("chaos type", spec.chaos.type, chaos_types))
    try:
        return subject, chaos_types[spec.chaos.type].params.model_validate(dict(spec.chaos.params))
    except ValidationError as error:
        valid = ", ".join(sorted(chaos_types[spec.chaos.type].params.model_json_schema().get("properties", {})))
        what = describe_invalid(error, "spec", max_errors=3, length=160, tell_more=True)
        raise Rejected(
            Reason.INVALID_PARAMS,
            f"chaos.params of {spec.chaos.type} are not valid: {what}; it takes: {valid or 'none'}",
        ) from None


async def check_preconditions(
    spec: CampaignSpec,
    campaign_namespace: str,
    subject: EvalSubject,
    params: BaseModel,
    kube: KubeCampaigns,
    workload: AgentDeployment | None = None,
    keys: OptInKeys = DEFAULT_KEYS,
) -> None:
    """Returns when the subject's namespace authorizes the campaign and the subject is ready for it, and so its agent.

    Raises PreconditionUnmet; Rejected where the subject does not offer what is asked, or too many members of a quorum
    would be hit.
    """
    namespace = spec.subject.namespace
    try:
        refusal = missing_authorization(await kube.read_namespace(namespace), campaign_namespace, keys)
        if refusal is not None:
            raise PreconditionUnmet(refusal.reason, refusal.message)
        await subject.check_ready()
        radius = await subject.blast_radius(spec.chaos.type, params)
        if (loss := exceeds_quorum(spec.chaos.type, radius, spec.allow_quorum_loss)) is not None:
            raise Rejected(loss.reason, loss.message)
        if workload is not None:
            await _check_agent(workload, campaign_namespace, kube, keys)
    except Unsupported as unsupported:
        raise Rejected(Reason.INVALID_SUBJECT, str(unsupported)) from None
    except SubjectNotReady as missing:
        raise PreconditionUnmet(Reason.SUBJECT_NOT_READY, str(missing)) from None
    except ClusterUnreachable as away:
        raise PreconditionUnmet(Reason.CLUSTER_UNREACHABLE, str(away)) from None
    except ClusterError as error:
        raise PreconditionUnmet(*_describe_refusal(error, namespace)) from None


async def _check_agent(
    workload: AgentDeployment, campaign_namespace: str, kube: KubeCampaigns, keys: OptInKeys
) -> None:
    try:
        refusal = missing_agent_authorization(await kube.read_namespace(workload.namespace), campaign_namespace, keys)
        if refusal is not None:
            raise PreconditionUnmet(refusal.reason, refusal.message)
        await workload.check_access()
    except ClusterError as error:
        if error.status == 404:
            raise PreconditionUnmet(
                Reason.AGENT_NOT_FOUND, f"there is no {workload.title}, which is to run the agent"
            ) from None
        why = f"the controller may not start, watch and end {workload.title} (it needs a Role there): {error}"
        raise PreconditionUnmet(Reason.AGENT_FORBIDDEN, why) from None


def _describe_refusal(error: ClusterError, namespace: str) -> tuple[Reason, str]:
    if error.status == 404:
        return Reason.NAMESPACE_NOT_FOUND, f"there is no namespace {namespace}"
    if error.status == 403:
        return Reason.FORBIDDEN, f"the controller has no permissions in namespace {namespace}: {error}"
    return Reason.CLUSTER_ERROR, f"the API server refused (HTTP {error.status}): {error}"


def _describe_unknown(what: str, given: str, valid: Mapping[str, object]) -> str:
    return f"{what} {given!r} is unknown; valid: {', '.join(sorted(valid))}"


class PreconditionPoller:
    """Checks one campaign's preconditions again and again, with longer pauses while the answer stays the same."""

    def __init__(self, services: Services, spec: CampaignSpec, campaign_namespace: str) -> None:
        self._services = services
        self._spec = spec
        self._campaign_namespace = campaign_namespace
        self._previous: Refusal | None = None
        self._pause_seconds = RETRY_SECONDS

    async def check(self, subject: EvalSubject, params: BaseModel) -> Refusal | None:
        """Returns which precondition is not met; None if all are. Raises Rejected.

        A new answer is published to the other campaigns that wait for the same namespace.
        """
        services, spec, previous = self._services, self._spec, self._previous
        refusal: Refusal | None = None
        try:
            await check_preconditions(
                spec,
                self._campaign_namespace,
                subject,
                params,
                services.kube,
                services.workload(spec),
                services.opt_in,
            )
        except PreconditionUnmet as unmet:
            refusal = unmet.refusal
        if refusal is not None:
            self._pause_seconds = next_retry_seconds(self._pause_seconds, refusal, previous)
        if previous is not None and (refusal is None or refusal.reason != previous.reason):
            services.namespace_changes.publish(spec.subject.namespace, MET if refusal is None else refusal.reason)
        self._previous = refusal
        return refusal

    async def pause(self, deadline: datetime) -> None:
        """Returns when the next check is due: after a pause, at the deadline, or when others saw a change."""
        left = (deadline - self._services.now()).total_seconds()
        seconds = max(RETRY_SECONDS, min(self._pause_seconds, left))
        await self._services.namespace_changes.wait(self._spec.subject.namespace, seconds)


def next_retry_seconds(last: float, refusal: Refusal, previous: Refusal | None) -> float:
    """Returns the seconds until the next check: longer each time that the answer is the previous one. Pure."""
    if previous is None or refusal.reason != previous.reason:
        return RETRY_SECONDS
    longest = MAX_RETRY_UNAUTHORIZED_SECONDS if refusal.reason in UNAUTHORIZED else MAX_RETRY_SECONDS
    return min(last * RETRY_GROWTH, longest)
