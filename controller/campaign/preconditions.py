"""The preconditions of a campaign: its subject is there, offers what is asked, and may be broken; so for its agent.

They are checked before the first trial, and again before each. `Rejected`: waiting will not help, and the campaign ends
Failed. `PreconditionUnmet`: somebody may still meet it, and the campaign stays Pending and checks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ValidationError

from controller.agents.deployment import AgentDeployment
from controller.agents.rights import Account, Attributes, Exposure, Places, look
from controller.api import CampaignSpec, Phase, Reason
from controller.attempt.injection import exceeds_quorum
from controller.campaign.board import Board
from controller.campaign.control import Control
from controller.campaign.services import Services
from controller.consent import DEFAULT_KEYS, WITHOUT_CONSENT, ConsentKeys, missing_agent_consent, missing_consent
from controller.kube import KubeCampaigns
from controller.records.rows import Flag
from controller.status import Refusal
from controller.validation import describe_invalid
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, SubjectContext, SubjectFactory, SubjectNotReady, Unsupported

RETRY_SECONDS = 1.0
"""The pause before the next check after a new answer. The same answer again makes it RETRY_GROWTH times as long."""

RETRY_GROWTH = 1.5
MAX_RETRY_SECONDS = 5.0
MAX_RETRY_UNAUTHORIZED_SECONDS = 30.0
"""The longest pause while the namespace's owner has not authorized the campaign: there may be many such campaigns."""

MET = "Permitted"
"""What campaigns that wait for the same namespace are notified of, beside the reasons of refusals."""


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
    """Return the subject and the validated chaos parameters. Pure. Raises Rejected, with what would be valid."""
    if spec.subject.type not in subjects:
        raise Rejected(Reason.UNKNOWN_SUBJECT, _describe_unknown("subject type", spec.subject.type, subjects))
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
        what = describe_invalid(error, "spec", most=3, length=160, tell_more=True)
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
    keys: ConsentKeys = DEFAULT_KEYS,
) -> None:
    """Return when the subject's namespace authorizes the campaign and the subject is ready for it, and so its agent.

    Raises PreconditionUnmet; Rejected where the subject does not offer what is asked, or too many members of a quorum
    would be hit.
    """
    namespace = spec.subject.namespace
    try:
        refusal = missing_consent(await kube.read_namespace(namespace), campaign_namespace, keys)
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
    workload: AgentDeployment, campaign_namespace: str, kube: KubeCampaigns, keys: ConsentKeys
) -> None:
    try:
        refusal = missing_agent_consent(await kube.read_namespace(workload.namespace), campaign_namespace, keys)
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


async def agent_exposure(services: Services, spec: CampaignSpec, campaign_namespace: str) -> Exposure | None:
    """Return what the ServiceAccount of the agent's Deployment may read of the evaluation.

    None where the campaign names no Deployment, or no agent acts.
    """
    named = spec.agent.workload
    if not named.name or not spec.mode.wants_agent:
        return None
    try:
        deployment = await services.deployments.get(named.namespace, named.name)
    except (ClusterError, ClusterUnreachable):
        return Exposure(None)
    places = Places(campaign_namespace, spec.subject.namespace, services.namespace)

    async def ask(account: Account, attributes: Attributes) -> bool | None:
        return await services.reviews.may(account.user, account.groups, attributes)

    return await look(Account(named.namespace, deployment.account), places, ask)


class Preconditions:
    """Belongs to one driver. Whatever waits here is broken off when the campaign is to halt or to pause."""

    def __init__(self, services: Services, spec: CampaignSpec, board: Board, control: Control) -> None:
        self._services = services
        self._spec = spec
        self._board = board
        self._control = control
        self._told = False

    async def wait_until_met(self, subject: EvalSubject, params: BaseModel) -> None:
        """Ask until the namespace consents and the subject is there, for as long as the start deadline allows."""
        board, limit = self._board, self._spec.start_deadline_seconds
        said: Refusal | None = None
        pause = RETRY_SECONDS
        while refusal := await self._refusal(subject, params):
            board.alive()
            if board.row.phase is Phase.RUNNING:
                board.change(refusal=refusal)
            else:
                await board.enter(Phase.PENDING, refusal.reason, refusal.message, refusal=refusal)
            if self._services.now() > board.refused_since + timedelta(seconds=limit):
                why = f"waited in vain for startDeadlineSeconds ({limit} s): {refusal.message}"
                raise Rejected(Reason.START_DEADLINE_EXCEEDED, why)
            pause = next_retry_seconds(pause, refusal, said)
            await self._control.guard(self._pause(pause, refusal, said))
            said = refusal
        if said is not None:
            self._services.consents.tell(self._spec.subject.namespace, MET)
        board.change(refusal=None)
        await self._report_exposure()

    async def _report_exposure(self) -> None:
        """Once: an Event beside the campaign. It is no reason to refuse it; each attempt's record is flagged."""
        if self._told:
            return
        found = await self._control.guard(agent_exposure(self._services, self._spec, self._board.row.namespace))
        self._told = True
        if found is not None and found.flags:
            reason = min(found.flags, key=list(Flag).index)
            self._board.announce(f"exposure/{found.message}", reason, found.message, warning=True)

    async def _pause(self, seconds: float, refusal: Refusal, said: Refusal | None) -> None:
        """Wait, though not beyond the start deadline; others who wait for the same namespace may know earlier."""
        news, namespace = self._services.consents, self._spec.subject.namespace
        if said is not None and refusal.reason != said.reason:
            news.tell(namespace, refusal.reason)
        give_up = self._board.refused_since + timedelta(seconds=self._spec.start_deadline_seconds)
        left = (give_up - self._services.now()).total_seconds()
        await news.wait(namespace, max(RETRY_SECONDS, min(seconds, left)))

    async def _refusal(self, subject: EvalSubject, params: BaseModel) -> Refusal | None:
        namespace, kube = self._board.row.namespace, self._services.kube
        try:
            workload = self._services.workload(self._spec)
            asking = check_preconditions(self._spec, namespace, subject, params, kube, workload, self._services.consent)
            await self._control.guard(asking)
        except PreconditionUnmet as not_yet:
            return not_yet.refusal
        return None


def next_retry_seconds(last: float, refusal: Refusal, said: Refusal | None) -> float:
    """Seconds until it is asked again: longer each time that the answer is what was `said` before. Pure."""
    if said is None or refusal.reason != said.reason:
        return RETRY_SECONDS
    longest = MAX_RETRY_UNAUTHORIZED_SECONDS if refusal.reason in WITHOUT_CONSENT else MAX_RETRY_SECONDS
    return min(last * RETRY_GROWTH, longest)
