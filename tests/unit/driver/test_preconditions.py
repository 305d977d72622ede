"""What the API server cannot see: refused for good, or asked again."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scripted import KillParams, Script, ScriptedSubject
from controller.agents.deployment import AgentDeployment
from controller.api import CampaignSpec
from controller.authorization import Namespace
from controller.campaign.preconditions import PreconditionUnmet, Rejected, check_preconditions, resolve_subject
from controller.campaign.services import subject_options
from controller.status import REFUSED
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import SubjectContext, SubjectOptions, Unsupported
from tests.unit.driver.samples import START

CONTEXT = SubjectContext(None, "s", lambda: START)
SUBJECTS = {"scripted": ScriptedSubject, "another": ScriptedSubject}


def spec(type_: str = "scripted", chaos: str = "node_kill", params: Any = None) -> Any:
    chaos_ref = {"type": chaos, "params": params or {}}
    return CampaignSpec(subject={"type": type_, "namespace": "s"}, chaos=chaos_ref)


class Kube:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def read_namespace(self, name: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


OPT_IN = {"evalcampaign.dev/opt-in": "true"}
CONSENTING = Kube(Namespace("s", OPT_IN, {"evalcampaign.dev/allowed-namespaces": "default"}))


def test_the_subject_comes_with_its_params_checked_and_filled_in() -> None:
    _, params = resolve_subject(spec(params={"gracePeriodSeconds": 3}), "default", SUBJECTS, CONTEXT)
    assert params.gracePeriodSeconds == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong", "namespace", "reason", "told"),
    [
        (spec(type_="x"), "default", "UnknownSubject", "subject type 'x' is unknown; valid: another, scripted"),
        (spec(chaos="x"), "default", "UnknownChaos", "chaos type 'x' is unknown; valid: node_kill"),
        (spec(params={"x": 1}), "default", "InvalidParams", "x: Extra inputs are not permitted"),
        (spec(params={"gracePeriodSeconds": "3"}), "default", "InvalidParams", "it takes: count, gracePeriodSeconds"),
        (spec(), "s", "CampaignInSubjectNamespace", "the campaign lives in namespace s"),
    ],
)
def test_what_is_impossible_says_what_would_be_valid(wrong: Any, namespace: Any, reason: Any, told: Any) -> None:
    with pytest.raises(Rejected) as refused:
        resolve_subject(wrong, namespace, SUBJECTS, CONTEXT)
    assert refused.value.refusal.reason == reason and reason in REFUSED
    assert told in refused.value.refusal.message


def test_a_subject_that_does_not_offer_what_is_asked_says_so_in_its_own_words() -> None:
    def picky(context: Any) -> None:
        raise Unsupported(f"no reset of kind {context.options.reset}")

    context = SubjectContext(None, "s", lambda: START, options=SubjectOptions(reset="recreate"))
    with pytest.raises(Rejected, match="no reset of kind recreate") as refused:
        resolve_subject(spec(), "default", {"scripted": picky}, context)
    assert refused.value.refusal.reason == "InvalidSubject" and "InvalidSubject" in REFUSED


async def test_a_subject_that_finds_out_only_on_the_spot_is_not_waited_for_either() -> None:
    class Late(ScriptedSubject):
        async def check_ready(self) -> None:
            raise Unsupported("there are no volumes to wipe")

    with pytest.raises(Rejected, match="no volumes") as refused:
        await check_preconditions(spec(), "default", Late(CONTEXT), KillParams(), CONSENTING)  # type: ignore[arg-type]
    assert refused.value.refusal.reason == "InvalidSubject"


def test_what_a_campaign_says_of_its_subject_reaches_the_subject_whole() -> None:
    asked = {
        "type": "tikv",
        "namespace": "s",
        "probe": "write",
        "selectors": {"pd": "app=pd"},
        "endpoints": ["http://pd-0:2379"],
        "tlsSecret": "client",
    }
    options = subject_options(CampaignSpec(subject=asked, chaos={"type": "x"}, reset="recreate"))
    assert options == SubjectOptions("write", {"pd": "app=pd"}, ("http://pd-0:2379",), "client", "recreate")


def test_a_campaign_that_says_nothing_of_its_subject_asks_for_nothing() -> None:
    assert subject_options(spec()) == SubjectOptions()


async def test_permission_is_the_owners_consent_and_a_subject_that_is_there() -> None:
    await check_preconditions(spec(), "default", ScriptedSubject(CONTEXT), KillParams(), CONSENTING)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Namespace("s"), "NotOptedIn"),
        (Namespace("s", OPT_IN), "NotAllowed"),
        (ClusterError(404, "not found"), "NamespaceNotFound"),
        (ClusterError(403, "forbidden"), "Forbidden"),
        (ClusterError(400, "bad"), "ClusterError"),
        (ClusterUnreachable("away"), "ClusterUnreachable"),
    ],
)
async def test_what_may_come_right_has_a_reason(answer: Any, reason: Any) -> None:
    with pytest.raises(PreconditionUnmet) as refused:
        await check_preconditions(spec(), "default", ScriptedSubject(CONTEXT), KillParams(), Kube(answer))  # type: ignore[arg-type]
    assert refused.value.refusal.reason == reason


async def test_a_subject_that_is_not_there_may_still_come() -> None:
    absent = ScriptedSubject(CONTEXT, Script(ready=False))
    with pytest.raises(PreconditionUnmet) as refused:
        await check_preconditions(spec(), "default", absent, KillParams(), CONSENTING)  # type: ignore[arg-type]
    assert refused.value.refusal.reason == "SubjectNotReady"


ALLOWED = {"evalcampaign.dev/allowed-namespaces": "default"}


class Kubes:
    """Namespaces by name."""

    def __init__(self, agents: Any) -> None:
        self.answers = {"s": CONSENTING.answer, "agents": agents}

    async def read_namespace(self, name: Any) -> Any:
        return await Kube(self.answers[name]).read_namespace(name)


class Deployments:
    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    async def get(self, namespace: Any, name: Any) -> None:
        if self.answer is not None:
            raise self.answer

    async def pods(self, namespace: Any, deployment: Any) -> Any:
        return []


async def permitted(agents: Any, deployments: Any = None) -> None:
    workload = AgentDeployment(deployments or Deployments(), "agents", "a")  # type: ignore[arg-type]
    await check_preconditions(spec(), "default", ScriptedSubject(CONTEXT), KillParams(), Kubes(agents), workload)  # type: ignore[arg-type]


async def test_an_agents_namespace_allows_campaigns_by_its_annotation_alone() -> None:
    await permitted(Namespace("agents", {}, ALLOWED))
    await permitted(Namespace("agents", {}, {"evalcampaign.dev/allowed-namespaces": "*"}))


@pytest.mark.parametrize(
    ("agents", "deployments", "reason"),
    [
        (Namespace("agents"), None, "AgentNotAllowed"),
        (Namespace("agents", OPT_IN, {"evalcampaign.dev/allowed-namespaces": "team-b"}), None, "AgentNotAllowed"),
        (ClusterError(403, "forbidden"), None, "AgentForbidden"),
        (ClusterError(404, "not found"), None, "AgentNotFound"),
        (ClusterUnreachable("away"), None, "ClusterUnreachable"),
        (Namespace("agents", {}, ALLOWED), Deployments(ClusterError(404, "not found")), "AgentNotFound"),
        (Namespace("agents", {}, ALLOWED), Deployments(ClusterError(403, "forbidden")), "AgentForbidden"),
    ],
)
async def test_without_the_consent_of_the_agents_owner_it_is_waited_for(
    agents: Any, deployments: Any, reason: Any
) -> None:
    with pytest.raises(PreconditionUnmet) as refused:
        await permitted(agents, deployments)
    assert refused.value.refusal.reason == reason
