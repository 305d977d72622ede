"""One kind-config.yaml for both node images."""

from typing import Any

import yaml

from cluster.kind import BUILT_PATCH, CONFIG, config

BASE, PATCH = CONFIG.read_text(), BUILT_PATCH.read_text()


def kubelet(document: dict[str, list[str]]) -> dict[str, Any]:
    """The kubelet's configuration after all patches, in order."""
    merged: dict[str, Any] = {}
    for patch in map(yaml.safe_load, document["kubeadmConfigPatches"]):
        if patch["kind"] == "KubeletConfiguration":
            merged |= patch
    return merged


def test_the_registrys_node_keeps_its_own_cgroups_and_resolver() -> None:
    assert kubelet(config(BASE, PATCH, "registry")) == {"kind": "KubeletConfiguration", "failCgroupV1": False}


def test_the_built_node_gets_what_it_needs_on_top() -> None:
    settings = kubelet(config(BASE, PATCH, "built"))
    assert settings["cgroupDriver"] == "cgroupfs"
    assert settings["resolvConf"] == "/kind/resolv.conf"
    assert settings["failCgroupV1"] is False


def test_kubeadm_is_told_which_coredns_the_built_node_has() -> None:
    patches = [yaml.safe_load(patch) for patch in config(BASE, PATCH, "built")["kubeadmConfigPatches"]]
    assert {"kind": "ClusterConfiguration", "dns": {"imageTag": "@COREDNS@"}} in patches


def test_a_configuration_without_patches_gets_every_document_as_one() -> None:
    assert config("kind: Cluster", "kind: K\n---\nkind: L", "built")["kubeadmConfigPatches"] == ["kind: K", "kind: L"]
