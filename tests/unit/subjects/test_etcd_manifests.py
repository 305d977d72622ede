"""What is applied: complete, harmless, and silent about what it is for."""

import re
from pathlib import Path
from typing import Any

import yaml

from controller.authorization import Namespace, missing_authorization
from subjects.etcd.api import CLIENT_PORT, SELECTOR, WORKLOAD
from subjects.etcd.chaos import CONTAINER

MANIFESTS = Path(__file__).parents[3] / "manifests" / "subjects"


def load(folder: str) -> dict[str, dict[str, Any]]:
    """Every object of an overlay, by kind."""
    kustomization = yaml.safe_load((MANIFESTS / folder / "kustomization.yaml").read_text())
    texts = [(MANIFESTS / folder / file).read_text() for file in kustomization["resources"]]
    return {each["kind"]: each for text in texts for each in yaml.safe_load_all(text)}


ETCD, PERMISSIONS = load("etcd"), load("etcd-permissions")
POD = ETCD["StatefulSet"]["spec"]["template"]
(MEMBER,) = POD["spec"]["containers"]


def test_every_file_of_the_folders_is_applied() -> None:
    for folder in ("etcd", "etcd-permissions"):
        kustomization = yaml.safe_load((MANIFESTS / folder / "kustomization.yaml").read_text())
        assert set(kustomization["resources"]) == {path.name for path in (MANIFESTS / folder).iterdir()} - {
            "kustomization.yaml"
        }


def test_the_names_are_those_the_subject_looks_for() -> None:
    assert ETCD["StatefulSet"]["metadata"]["name"] == WORKLOAD
    label, _, value = SELECTOR.partition("=")
    assert POD["metadata"]["labels"] == {label: value}
    assert MEMBER["name"] == CONTAINER
    assert MEMBER["ports"][0] == {"name": "client", "containerPort": CLIENT_PORT}


def test_every_replica_is_in_the_initial_cluster() -> None:
    (cluster,) = [argument for argument in MEMBER["args"] if argument.startswith("--initial-cluster=")]
    names = [member.split("=")[0] for member in cluster.removeprefix("--initial-cluster=").split(",")]
    assert names == [f"{WORKLOAD}-{ordinal}" for ordinal in range(ETCD["StatefulSet"]["spec"]["replicas"])]


def test_the_image_is_left_to_the_overlay_that_knows_the_node() -> None:
    assert MEMBER["image"] == "etcd"
    assert MEMBER["imagePullPolicy"] == "IfNotPresent"


def test_nothing_in_the_cluster_tells_of_an_evaluation_but_the_consent() -> None:
    applied = yaml.safe_dump_all(list(ETCD.values())).lower()
    objects = re.sub("evalcampaign.dev/(opt-in|allowed-namespaces)", "", applied)
    assert re.findall(r"\b(?:chaos|fault|trial|eval|campaign|kill)\w*", objects) == []
    assert missing_authorization(Namespace(**ETCD["Namespace"]["metadata"]), "default") is None


def test_no_liveness_probe_heals_a_member_that_hangs() -> None:
    assert "livenessProbe" not in MEMBER
    assert MEMBER["readinessProbe"]["httpGet"]["path"] == "/health"


def test_members_run_with_as_little_as_the_restricted_standard_asks_and_less() -> None:
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert POD["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert MEMBER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["spec"]["automountServiceAccountToken"] is False


def test_the_powers_are_these_and_no_more_and_end_at_the_namespace() -> None:
    assert set(PERMISSIONS) == {"Role", "RoleBinding"}
    assert [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in PERMISSIONS["Role"]["rules"]] == [
        (["pods"], None, ["get", "list", "watch", "delete", "patch"]),
        (["statefulsets"], ["etcd"], ["get"]),
        (["namespaces"], ["etcd"], ["get"]),
    ]


def test_the_powers_are_the_controllers_alone() -> None:
    assert PERMISSIONS["RoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "evalcampaign-controller", "namespace": "evalcampaign"}
    ]
