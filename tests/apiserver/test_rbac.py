"""The shipped roles: enough to do the work, and nothing beyond it."""

from __future__ import annotations

import json

import pytest

from cluster.apiserver.kubectl import Kubectl
from tests.apiserver.campaigns import campaign, finished, write_status
from tests.apiserver.conftest import CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE, MANIFESTS, KubectlAs, MakeNamespace

CONTROLLER = f"system:serviceaccount:{CONTROLLER_NAMESPACE}:{CONTROLLER_ACCOUNT}"
SUBJECT = "etcd"
"""The namespace of the shipped etcd, where the permissions over it are given."""
TIKV = "tikv"
"""The namespace of the shipped TiKV, with permissions of its own."""

pytestmark = pytest.mark.usefixtures("shipped")

CAMPAIGNS = "evalcampaigns.evalcampaign.dev"

NEEDED: list[tuple[str, ...]] = [
    ("list", CAMPAIGNS, "--all-namespaces"),
    ("watch", CAMPAIGNS, "--all-namespaces"),
    # Kopf's finalizer and its annotations.
    ("patch", CAMPAIGNS, "--all-namespaces"),
    # Those that ask to go some time after they have finished.
    ("delete", CAMPAIGNS, "--all-namespaces"),
    ("patch", CAMPAIGNS, "--subresource=status", "--all-namespaces"),
    ("create", "events", "--all-namespaces"),
    # To say of an agent what it may read.
    ("create", "subjectaccessreviews.authorization.k8s.io"),
    # The tokens of campaigns.
    ("get", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("create", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("delete", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("list", "pods", "-n", SUBJECT),
    ("watch", "pods", "-n", SUBJECT),
    ("delete", "pods", "-n", SUBJECT),
    ("patch", "pods", "-n", SUBJECT),
    ("get", "statefulsets.apps/etcd", "-n", SUBJECT),
    # To read whether its owner consents.
    ("get", f"namespaces/{SUBJECT}", "-n", SUBJECT),
    ("list", "pods", "-n", TIKV),
    ("watch", "pods", "-n", TIKV),
    ("delete", "pods", "-n", TIKV),
    ("patch", "pods", "-n", TIKV),
    # Found by label, whatever they are called.
    ("list", "statefulsets.apps", "-n", TIKV),
    ("get", "statefulsets.apps/pd", "-n", TIKV),
    ("get", f"namespaces/{TIKV}", "-n", TIKV),
    # To begin with an empty one.
    ("patch", "statefulsets.apps/tikv", "--subresource=scale", "-n", TIKV),
    ("list", "persistentvolumeclaims", "-n", TIKV),
    ("delete", "persistentvolumeclaims/data-tikv-2", "-n", TIKV),
]

DENIED: list[tuple[str, ...]] = [
    ("create", CAMPAIGNS, "--all-namespaces"),
    ("deletecollection", CAMPAIGNS, "--all-namespaces"),
    ("get", "secrets", "--all-namespaces"),
    ("list", "secrets", "-n", SUBJECT),
    ("list", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("patch", "secrets", "-n", CONTROLLER_NAMESPACE),
    ("create", "secrets", "-n", SUBJECT),
    ("list", "pods", "--all-namespaces"),
    ("list", "pods", "-n", "default"),
    ("delete", "pods", "-n", "kube-system"),
    ("delete", "pods", "-n", CONTROLLER_NAMESPACE),
    ("patch", "pods", "-n", "default"),
    ("create", "pods", "-n", SUBJECT),
    ("create", "pods", "--subresource=exec", "-n", SUBJECT),
    ("get", "pods", "--subresource=exec", "-n", SUBJECT),
    ("create", "pods", "--subresource=ephemeralcontainers", "-n", SUBJECT),
    ("deletecollection", "pods", "-n", SUBJECT),
    ("delete", "statefulsets.apps", "-n", SUBJECT),
    ("patch", "statefulsets.apps", "-n", SUBJECT),
    ("delete", "persistentvolumeclaims", "-n", SUBJECT),
    ("list", "secrets", "-n", TIKV),
    ("patch", "statefulsets.apps/tikv", "-n", TIKV),
    ("delete", "statefulsets.apps/tikv", "-n", TIKV),
    ("patch", "statefulsets.apps/another", "--subresource=scale", "-n", TIKV),
    ("delete", "persistentvolumeclaims/another", "-n", TIKV),
    ("deletecollection", "persistentvolumeclaims", "-n", TIKV),
    ("create", "pods", "-n", TIKV),
    ("create", "pods", "--subresource=exec", "-n", TIKV),
    ("get", "namespaces/default", "-n", "default"),
    ("list", "namespaces"),
    ("delete", "namespaces"),
    ("get", "statefulsets.apps/another", "-n", SUBJECT),
    ("patch", "namespaces", "-n", SUBJECT),
    ("list", "nodes"),
    ("create", "serviceaccounts", "--subresource=token", "-n", CONTROLLER_NAMESPACE),
    ("impersonate", "users"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
    ("bind", "clusterroles.rbac.authorization.k8s.io"),
    ("escalate", "clusterroles.rbac.authorization.k8s.io"),
]


@pytest.mark.parametrize("what", NEEDED, ids=" ".join)
def test_the_controller_may(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert kubectl.may(CONTROLLER, *what)


@pytest.mark.parametrize("what", DENIED, ids=" ".join)
def test_the_controller_may_not(kubectl: Kubectl, what: tuple[str, ...]) -> None:
    assert not kubectl.may(CONTROLLER, *what)


def test_no_shipped_role_says_everything(kubectl: Kubectl) -> None:
    roles = [
        role
        for kind in ("clusterroles", "roles")
        for role in kubectl.json("get", kind, "--all-namespaces")["items"]
        if role["metadata"]["name"].startswith("evalcampaign")
    ]
    assert roles, "the shipped roles were not found by their names"
    wild = [
        role["metadata"]["name"]
        for role in roles
        for rule in role["rules"]
        if any("*" in rule.get(part, []) for part in ("verbs", "resources", "apiGroups"))
    ]
    assert wild == []


def test_the_controller_writes_a_status_and_deletes_a_campaign_with_its_own_rights_and_reads_no_secret(
    kubectl: Kubectl, kubectl_as: KubectlAs, make_namespace: MakeNamespace
) -> None:
    namespace = make_namespace()
    kubectl.apply(campaign(namespace))
    controller = kubectl_as(CONTROLLER_NAMESPACE, CONTROLLER_ACCOUNT)
    answer = write_status(controller, namespace, finished())
    assert answer.code == 0, answer.err
    assert kubectl.json("get", "ec", "asked", "-n", namespace)["status"]["phase"] == "Complete"
    assert "Forbidden" in controller.refused("get", "secrets", "-n", namespace)
    controller("delete", "ec", "asked", "-n", namespace, "--wait=false")
    assert kubectl.json("get", "ec", "-n", namespace)["items"] == []


def test_a_subject_elsewhere_is_out_of_reach_until_somebody_gives_the_powers_there(
    kubectl: Kubectl, make_namespace: MakeNamespace
) -> None:
    elsewhere = make_namespace("other-etcd", labels={"evalcampaign.dev/opt-in": "true"})
    assert not kubectl.may(CONTROLLER, "delete", "pods", "-n", elsewhere)


def test_the_manifests_can_be_applied_again_without_a_word_of_warning(kubectl: Kubectl) -> None:
    for folder in MANIFESTS:
        answer = kubectl.run("apply", "-k", folder)
        assert (answer.code, answer.err) == (0, ""), folder


@pytest.mark.parametrize(
    "workload",
    [
        (CONTROLLER_NAMESPACE, "deployment", "evalcampaign-controller"),
        (SUBJECT, "statefulset", "etcd"),
        (TIKV, "statefulset", "pd"),
        (TIKV, "statefulset", "tikv"),
    ],
    ids="/".join,
)
def test_the_api_server_admits_the_shipped_pods_into_their_restricted_namespaces(
    kubectl: Kubectl, workload: tuple[str, str, str]
) -> None:
    namespace, *named = workload
    owner = kubectl.json("get", *named, "-n", namespace)
    template = owner["spec"]["template"]
    # A StatefulSet adds the volumes of its claims itself.
    claims = [claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", [])]
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template["metadata"] | {"name": "as-in-the-template", "namespace": namespace},
        "spec": template["spec"] | {"volumes": template["spec"].get("volumes", []) + volumes},
    }
    assert "created (server dry run)" in kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"] |= {"hostNetwork": True}
    assert "violates PodSecurity" in kubectl.refused("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
