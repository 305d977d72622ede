"""What is applied for TiKV: complete, harmless, and silent about what it is for."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.authorization import Namespace, missing_authorization

MANIFESTS = Path(__file__).parents[3] / "manifests" / "subjects"
TIKV, PERMISSIONS = MANIFESTS / "tikv", MANIFESTS / "tikv-permissions"
NAME, INSTANCE, COMPONENT = (f"app.kubernetes.io/{label}" for label in ("name", "instance", "component"))


def kustomization(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return loaded


def objects(folder: Path) -> list[dict[str, Any]]:
    """Every object that a folder writes out; ConfigMaps are generated beside them."""
    texts = [(folder / file).read_text() for file in kustomization(folder)["resources"]]
    return [each for text in texts for each in yaml.safe_load_all(text)]


def of_kind(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects(folder) if each["kind"] == kind}


WORKLOADS = of_kind(TIKV, "StatefulSet")
SERVICES = of_kind(TIKV, "Service")
[ROLE] = of_kind(PERMISSIONS, "Role").values()
BOTH = pytest.mark.parametrize("role", ["pd", "tikv"])


def container(role: str) -> dict[str, Any]:
    [only] = WORKLOADS[role]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def flag(role: str, name: str) -> str:
    [value] = [each.partition("=")[2] for each in container(role)["args"] if each.startswith(f"--{name}=")]
    return str(value)


def members(role: str) -> list[str]:
    return [f"{role}-{ordinal}" for ordinal in range(WORKLOADS[role]["spec"]["replicas"])]


def config(role: str) -> dict[str, Any]:
    return tomllib.loads((TIKV / f"{role}.toml").read_text())


def test_every_file_of_the_folders_is_used() -> None:
    generated = [file for each in kustomization(TIKV)["configMapGenerator"] for file in each["files"]]
    known = {"kustomization.yaml", "regions.json", *kustomization(TIKV)["resources"], *generated}
    assert known == {path.name for path in TIKV.iterdir()}
    assert {"kustomization.yaml", *kustomization(PERMISSIONS)["resources"]} == {
        path.name for path in PERMISSIONS.iterdir()
    }


@BOTH
def test_pods_are_found_by_their_component_and_labelled_as_tidb_operator_does(role: str) -> None:
    spec = WORKLOADS[role]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == {COMPONENT: role}
    [selected] = [each["pairs"] for each in kustomization(TIKV)["labels"] if each.get("includeSelectors")]
    assert selected == {NAME: "tidb-cluster", INSTANCE: "tikv"}
    assert SERVICES[f"{role}-peer"]["spec"]["selector"] == {COMPONENT: role}


@BOTH
def test_members_find_each_other_before_they_are_ready(role: str) -> None:
    assert WORKLOADS[role]["spec"]["serviceName"] == f"{role}-peer"
    assert WORKLOADS[role]["spec"]["podManagementPolicy"] == "Parallel"
    assert SERVICES[f"{role}-peer"]["spec"]["clusterIP"] == "None"
    assert SERVICES[f"{role}-peer"]["spec"]["publishNotReadyAddresses"] is True


def test_clients_have_one_name_for_any_pd_that_is_ready() -> None:
    assert "clusterIP" not in SERVICES["pd"]["spec"]
    assert SERVICES["pd"]["spec"]["selector"] == {COMPONENT: "pd"}


def test_every_pd_is_in_the_initial_cluster_and_known_to_every_store() -> None:
    assert [each.partition("=")[0] for each in flag("pd", "initial-cluster").split(",")] == members("pd")
    assert [each.partition(".")[0] for each in flag("tikv", "pd-endpoints").split(",")] == members("pd")


@BOTH
def test_the_program_is_named_so_that_one_image_may_be_both(role: str) -> None:
    assert container(role)["command"] == [f"/{role}-server"]
    assert re.fullmatch(rf"pingcap/{role}:v8\.5\.\d+", container(role)["image"])
    assert container(role)["imagePullPolicy"] == "IfNotPresent"


def test_pd_and_its_stores_are_of_one_version() -> None:
    assert len({container(role)["image"].partition(":")[2] for role in WORKLOADS}) == 1


@BOTH
def test_data_lies_in_a_folder_of_its_own_on_a_volume_that_outlives_the_pod(role: str) -> None:
    [claim] = WORKLOADS[role]["spec"]["volumeClaimTemplates"]
    mounts = {each["name"]: each["mountPath"] for each in container(role)["volumeMounts"]}
    assert flag(role, "data-dir") == f"{mounts[claim['metadata']['name']]}/data"


@BOTH
def test_the_configuration_is_the_one_that_is_mounted(role: str) -> None:
    mounts = {each["name"]: each["mountPath"] for each in container(role)["volumeMounts"]}
    [volume] = [each for each in WORKLOADS[role]["spec"]["template"]["spec"]["volumes"] if "configMap" in each]
    generated = {each["name"]: each["files"] for each in kustomization(TIKV)["configMapGenerator"]}
    [file] = generated[volume["configMap"]["name"]]
    assert flag(role, "config") == f"{mounts[volume['name']]}/{file}"


def test_pd_hears_soon_of_stores_and_regions_and_the_timing_of_raft_is_as_shipped() -> None:
    raftstore = config("tikv")["raftstore"]
    assert raftstore["pd-store-heartbeat-tick-interval"] == "2s"
    assert raftstore["pd-heartbeat-tick-interval"] == "5s"
    assert raftstore["hibernate-regions"] is False
    assert [key for key in raftstore if key.startswith("raft-")] == []


def test_a_store_goes_at_once_and_regions_stay_split() -> None:
    assert config("tikv")["server"]["graceful-shutdown-timeout"] == "0s"
    assert config("pd")["schedule"]["merge-schedule-limit"] == 0


def test_the_keys_to_split_at_are_in_order_and_make_six_regions() -> None:
    keys = [bytes.fromhex(key) for key in json.loads((TIKV / "regions.json").read_text())["split_keys"]]
    assert keys == sorted(set(keys))
    assert len(keys) + 1 == 6


@BOTH
def test_no_liveness_probe_heals_a_member_that_hangs(role: str) -> None:
    assert "livenessProbe" not in container(role)
    path = {"pd": "/pd/api/v1/ping", "tikv": "/status"}[role]
    assert container(role)["readinessProbe"]["httpGet"]["path"] == path


@BOTH
def test_members_run_with_as_little_as_the_restricted_standard_asks_and_less(role: str) -> None:
    pod = WORKLOADS[role]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container(role)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_all_six_fit_beside_kubernetes_on_two_cores_and_eight_gibibytes() -> None:
    def total(kind: str, what: str) -> int:
        amounts = [container(role)["resources"][kind][what] for role in WORKLOADS for _ in members(role)]
        return sum(int(amount.rstrip("mMiG")) * (1024 if amount.endswith("Gi") else 1) for amount in amounts)

    assert total("requests", "cpu") <= 500
    assert total("requests", "memory") <= 2 * 1024
    assert total("limits", "memory") <= 5 * 1024
    assert all(set(container(role)["resources"]["limits"]) == {"memory"} for role in WORKLOADS)


def test_nothing_in_the_cluster_tells_of_an_evaluation() -> None:
    applied = yaml.safe_dump_all(objects(TIKV)) + "".join((TIKV / f"{role}.toml").read_text() for role in WORKLOADS)
    assert re.findall(r"\b(?:chaos|fault|trial|eval|campaign|kill)\w*", applied.lower()) == []
    [namespace] = of_kind(TIKV, "Namespace").values()
    assert missing_authorization(Namespace(**namespace["metadata"]), "default") is None


def test_the_powers_are_these_and_no_more_and_end_at_the_namespace() -> None:
    claims = [f"data-{member}" for role in WORKLOADS for member in members(role)]
    assert {each["kind"] for each in objects(PERMISSIONS)} == {"Role", "RoleBinding"}
    assert {each["metadata"]["namespace"] for each in objects(PERMISSIONS)} == {"tikv"}
    assert [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in ROLE["rules"]] == [
        (["pods"], None, ["get", "list", "watch", "delete", "patch"]),
        (["statefulsets"], None, ["get", "list"]),
        (["namespaces"], ["tikv"], ["get"]),
        (["statefulsets/scale"], ["pd", "tikv"], ["patch"]),
        (["persistentvolumeclaims"], None, ["list"]),
        (["persistentvolumeclaims"], claims, ["delete"]),
    ]


def test_the_powers_are_the_controllers_alone() -> None:
    [binding] = of_kind(PERMISSIONS, "RoleBinding").values()
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "evalcampaign-controller", "namespace": "evalcampaign"}
    ]
