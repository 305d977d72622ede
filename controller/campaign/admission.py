"""What the API server cannot see: does this subject exist, does it offer this chaos, may it be broken?

Two answers besides yes. `Impossible`: no waiting will help, the campaign ends Failed. `NotYet`: somebody may still make
it right, the campaign stays Pending and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from controller.agents.deployment import AgentDeployment
from controller.api import CampaignSpec, Reason
from controller.attempt.injection import exceeds_quorum
from controller.consent import DEFAULT_KEYS, ConsentKeys, missing_agent_consent, missing_consent
from controller.kube import KubeCampaigns
from controller.status import Refusal
from controller.validation import describe_invalid
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, SubjectContext, SubjectFactory, SubjectNotReady, Unsupported


class NotAdmitted(Exception):
    """Base of both refusals."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


class Impossible(NotAdmitted):
    """It cannot come right."""


class NotYet(NotAdmitted):
    """It may come right."""


def choose_subject(
    spec: CampaignSpec, campaign_namespace: str, subjects: Mapping[str, SubjectFactory], context: SubjectContext
) -> tuple[EvalSubject, BaseModel]:
    """The subject and the checked chaos parameters. Touches nothing. Raises Impossible with what would be valid."""
    if spec.subject.type not in subjects:
        raise Impossible(Reason.UNKNOWN_SUBJECT, _unknown("subject type", spec.subject.type, subjects))
    if spec.subject.namespace == campaign_namespace:
        raise Impossible(
            Reason.CAMPAIGN_IN_SUBJECT_NAMESPACE,
            f"the campaign lives in namespace {campaign_namespace}, which it would break: its status and Events would "
            "tell everyone there what was done; apply it in another namespace",
        )
    try:
        subject = subjects[spec.subject.type](context)
    except Unsupported as unsupported:
        raise Impossible(Reason.INVALID_SUBJECT, str(unsupported)) from None
    chaos_types = subject.get_chaos_types()
    if spec.chaos.type not in chaos_types:
        raise Impossible(Reason.UNKNOWN_CHAOS, _unknown("chaos type", spec.chaos.type, chaos_types))
    try:
        return subject, chaos_types[spec.chaos.type].params.model_validate(dict(spec.chaos.params))
    except ValidationError as error:
        valid = ", ".join(sorted(chaos_types[spec.chaos.type].params.model_json_schema().get("properties", {})))
        what = describe_invalid(error, "spec", most=3, length=160, tell_more=True)
        raise Impossible(
            Reason.INVALID_PARAMS,
            f"chaos.params of {spec.chaos.type} are not valid: {what}; it takes: {valid or 'none'}",
        ) from None


async def require_permission(
    spec: CampaignSpec,
    campaign_namespace: str,
    subject: EvalSubject,
    params: BaseModel,
    kube: KubeCampaigns,
    workload: AgentDeployment | None = None,
    keys: ConsentKeys = DEFAULT_KEYS,
) -> None:
    """Return when the subject's namespace consents to such campaigns, the subject is there and will bear them, and the
    same holds of the agent, where it is ours to start, or to keep away.

    Raises NotYet, or Impossible where it is unsupported and where more than a minority of a quorum would be hit.
    """
    namespace = spec.subject.namespace
    try:
        refusal = missing_consent(await kube.read_namespace(namespace), campaign_namespace, keys)
        if refusal is not None:
            raise NotYet(refusal.reason, refusal.message)
        await subject.check_ready()
        radius = await subject.blast_radius(spec.chaos.type, params)
        if (loss := exceeds_quorum(spec.chaos.type, radius, spec.allow_quorum_loss)) is not None:
            raise Impossible(loss.reason, loss.message)
        if workload is not None:
            await _require_agent(workload, campaign_namespace, kube, keys)
    except Unsupported as unsupported:
        raise Impossible(Reason.INVALID_SUBJECT, str(unsupported)) from None
    except SubjectNotReady as missing:
        raise NotYet(Reason.SUBJECT_NOT_READY, str(missing)) from None
    except ClusterUnreachable as away:
        raise NotYet(Reason.CLUSTER_UNREACHABLE, str(away)) from None
    except ClusterError as error:
        raise NotYet(*_explain(error, namespace)) from None


async def _require_agent(
    workload: AgentDeployment, campaign_namespace: str, kube: KubeCampaigns, keys: ConsentKeys
) -> None:
    try:
        refusal = missing_agent_consent(await kube.read_namespace(workload.namespace), campaign_namespace, keys)
        if refusal is not None:
            raise NotYet(refusal.reason, refusal.message)
        await workload.check_access()
    except ClusterError as error:
        if error.status == 404:
            raise NotYet(Reason.AGENT_NOT_FOUND, f"there is no {workload.title}, which is to run the agent") from None
        why = f"the controller may not start, watch and end {workload.title} (it needs a Role there): {error}"
        raise NotYet(Reason.AGENT_FORBIDDEN, why) from None


def _explain(error: ClusterError, namespace: str) -> tuple[Reason, str]:
    if error.status == 404:
        return Reason.NAMESPACE_NOT_FOUND, f"there is no namespace {namespace}"
    if error.status == 403:
        return Reason.FORBIDDEN, f"the controller was given no powers over namespace {namespace}: {error}"
    return Reason.CLUSTER_ERROR, f"the API server refused (HTTP {error.status}): {error}"


def _unknown(what: str, given: str, valid: Mapping[str, object]) -> str:
    return f"{what} {given!r} is unknown; valid: {', '.join(sorted(valid))}"
