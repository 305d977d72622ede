"""The scripted agent, applied for real: it may do its work and see no campaign, and campaigns may start it."""

from __future__ import annotations

import json

import pytest

from cluster.apiserver.kubectl import Kubectl
from tests.apiserver.conftest import CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE, REPO

AGENT = "system:serviceaccount:agents:scripted-agent"
CONTROLLER = f"system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER_ACCOUNT}"
MANIFESTS = REPO / "examples" / "agent" / "manifests"
KINDS = ("operator-db", "etcd", "tikv")
CAMPAIGNS = "evalcampaigns.evalcampaign.dev"


@pytest.fixture(scope="module", autouse=True)
def applied(shipped: None, kubectl: Kubectl) -> None:
    for kind in KINDS:
        kubectl("apply", "-k", MANIFESTS / kind)


AGENT_MAY = [
    *(("list", "pods", "-n", namespace) for namespace in ("tikv", "etcd")),
    *(("delete", "pods", "-n", namespace) for namespace in ("tikv", "etcd")),
    *(("list", "statefulsets.apps", "-n", namespace) for namespace in ("tikv", "etcd")),
]
AGENT_MAY_NOT = [
    ("list", CAMPAIGNS, "--all-namespaces"),
    ("list", CAMPAIGNS, "-n", "default"),
    ("list", "events", "-n", "default"),
    ("get", "namespaces/tikv", "-n", "tikv"),
    ("list", "pods", "-n", CONTROLLER_NAMESPACE),
    ("get", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("get", "secrets", "-n", "agents"),
    ("patch", "pods", "-n", "tikv"),
    ("delete", "statefulsets.apps", "-n", "tikv"),
]
CONTROLLER_MAY = [
    ("get", "deployments.apps/scripted-agent", "-n", "agents"),
    ("patch", "deployments.apps/scripted-agent", "--subresource=scale", "-n", "agents"),
    ("list", "pods", "-n", "agents"),
    ("list", "replicasets.apps", "-n", "agents"),
    ("get", "namespaces/agents", "-n", "agents"),
]
CONTROLLER_MAY_NOT = [
    ("patch", "deployments.apps/scripted-agent", "-n", "agents"),
    ("patch", "deployments.apps/another", "--subresource=scale", "-n", "agents"),
    ("delete", "pods", "-n", "agents"),
    ("get", "secrets", "-n", "agents"),
]


@pytest.mark.parametrize("what", AGENT_MAY, ids=" ".join)
def test_the_agent_may(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert kubectl.may(AGENT, *what)


@pytest.mark.parametrize("what", AGENT_MAY_NOT, ids=" ".join)
def test_the_agent_may_not(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert not kubectl.may(AGENT, *what)


@pytest.mark.parametrize("what", CONTROLLER_MAY, ids=" ".join)
def test_the_controller_may(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert kubectl.may(CONTROLLER, *what)


@pytest.mark.parametrize("what", CONTROLLER_MAY_NOT, ids=" ".join)
def test_the_controller_may_not(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert not kubectl.may(CONTROLLER, *what)


@pytest.mark.parametrize("kind", ["tikv", "operator-db"])
def test_the_api_server_admits_its_pod_into_a_restricted_namespace(kubectl: Kubectl, kind: str) -> None:
    kubectl("apply", "-k", MANIFESTS / kind)
    template = kubectl.json("get", "deployment", "scripted-agent", "-n", "agents")["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template["metadata"] | {"name": "as-in-the-template", "namespace": "agents"},
        "spec": template["spec"],
    }
    assert len(template["spec"]["containers"]) == (2 if kind == "operator-db" else 1)
    assert "created (server dry run)" in kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_it_can_be_applied_again_without_a_word_of_warning(kubectl: Kubectl) -> None:
    for kind in KINDS:
        answer = kubectl.run("apply", "-k", MANIFESTS / kind)
        assert (answer.code, answer.err) == (0, ""), kind


def test_a_campaign_finds_it_without_a_pod(kubectl: Kubectl) -> None:
    assert kubectl.json("get", "deployment", "scripted-agent", "-n", "agents")["spec"]["replicas"] == 0
