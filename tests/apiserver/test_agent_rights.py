"""What an agent's account may read, asked of a real API server by the controller's account, with its own rights."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.apiserver.kubectl import Kubectl
from controller.agents.exposure import Exposure
from controller.api import CampaignSpec
from controller.campaign.agent import agent_exposure
from controller.campaign.services import Services
from controller.kube import KubeApi, KubeDeployments, KubeReviews
from controller.records.rows import Flag
from tests.apiserver.conftest import CONTROLLER_NAMESPACE, REPO, KubectlAs, MakeNamespace

CAMPAIGN = {
    "subject": {"type": "tikv", "namespace": "tikv"},
    "chaos": {"type": "node_down"},
    "mode": "agent",
    "agent": {"source": "http", "workload": {"namespace": "agents", "name": "scripted-agent"}},
}
ACCOUNT = "agents:scripted-agent"

VIEW = "system:aggregate-to-view"
"""The rules of `view`, which a controller of Kubernetes puts together from such roles; here it does not run."""


@pytest.fixture(scope="module", autouse=True)
def attached(shipped: None, kubectl: Kubectl) -> None:
    kubectl("apply", "-k", REPO / "examples" / "agent" / "manifests" / "tikv")


@pytest.fixture
async def api(controller_kubeconfig: Path) -> AsyncIterator[KubeApi]:
    connected = await KubeApi.connect(controller_kubeconfig)
    yield connected
    await connected.close()


async def exposed(api: KubeApi, campaigns: str, **spec: Any) -> Exposure | None:
    services = SimpleNamespace(
        deployments=KubeDeployments(api), reviews=KubeReviews(api), namespace=CONTROLLER_NAMESPACE
    )
    return await agent_exposure(cast(Services, services), CampaignSpec.model_validate(CAMPAIGN | spec), campaigns)


@pytest.fixture
def granted(kubectl: Kubectl) -> Iterator[Any]:
    """Grants a role to the agent for as long as the test lasts."""
    made = []

    def grant(kind: str, *more: str, to: str = f"--serviceaccount={ACCOUNT}") -> None:
        namespace = [each for each in more if each.startswith("-n=")]
        kubectl("create", kind, "of-the-agent", *more, to)
        made.append((kind, "of-the-agent", *namespace))

    yield grant
    for each in made:
        kubectl("delete", *each)


async def test_the_shipped_agent_can_read_nothing_that_tells_it(api: KubeApi, namespace: str) -> None:
    found = await exposed(api, namespace)
    assert found is not None and (found.flags, found.message) == (frozenset(), "")


async def test_with_view_on_the_cluster_it_reads_our_logs_and_that_is_flagged(
    api: KubeApi, namespace: str, granted: Any
) -> None:
    granted("clusterrolebinding", f"--clusterrole={VIEW}")
    found = await exposed(api, namespace)
    assert found is not None
    assert found.flags == {Flag.AGENT_CAN_SEE_EVALUATION, Flag.AGENT_CAN_READ_EVENTS}
    can = [right.what for right in found.can]
    assert {f"logs in namespace {CONTROLLER_NAMESPACE}", f"Events in namespace {namespace}"} <= set(can)
    # `view` names no campaigns, and the shipped roles are not aggregated to it; nor may it read Secrets.
    assert f"campaigns in namespace {namespace}" not in can
    assert f"Secrets in namespace {CONTROLLER_NAMESPACE}" not in can


@pytest.mark.parametrize("group", ["system:serviceaccounts", "system:serviceaccounts:agents", "system:authenticated"])
async def test_a_right_of_a_group_is_the_agents_too(api: KubeApi, namespace: str, granted: Any, group: str) -> None:
    granted("rolebinding", f"--clusterrole={VIEW}", "-n=tikv", to=f"--group={group}")
    found = await exposed(api, namespace)
    assert found is not None and found.flags == {Flag.AGENT_CAN_READ_EVENTS}
    assert [right.what for right in found.can] == ["Events in namespace tikv"]


async def test_where_we_may_not_ask_it_is_unknown_and_not_no(
    kubectl: Kubectl, kubectl_as: KubectlAs, make_namespace: MakeNamespace, namespace: str
) -> None:
    elsewhere = make_namespace()
    kubectl("create", "serviceaccount", "weak", "-n", elsewhere)
    weak = await KubeApi.connect(kubectl_as(elsewhere, "weak").kubeconfig)
    try:
        found = await exposed(weak, namespace)
        assert found is not None and found.flags == {Flag.AGENT_RIGHTS_UNKNOWN}
    finally:
        await weak.close()


async def test_where_no_agent_acts_or_none_is_named_nothing_is_asked(api: KubeApi, namespace: str) -> None:
    assert await exposed(api, namespace, mode="baseline") is None
    assert await exposed(api, namespace, agent={"source": "http"}) is None
    assert api.requests == 0


async def test_what_the_controller_writes_names_a_manager_that_says_nothing(api: KubeApi, kubectl: Kubectl) -> None:
    await KubeDeployments(api).scale("agents", "scripted-agent", 1)
    raw = kubectl("get", "deployment", "scripted-agent", "-n", "agents", "-o", "json", "--show-managed-fields")
    await KubeDeployments(api).scale("agents", "scripted-agent", 0)
    fields = json.loads(raw)["metadata"]["managedFields"]
    assert {each["manager"] for each in fields if each.get("subresource") == "scale"} == {"manager"}
    assert not any("eval" in each["manager"] or "OpenAPI" in each["manager"] for each in fields)
