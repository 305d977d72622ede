"""The pinned programs: what go.mod says is what is built, and what the cache calls it."""

import re

import pytest

from cluster import tools

GO_MOD = """\
module example
require k8s.io/kubernetes v1.34.4 // indirect
require (
	github.com/coredns/caddy v1.1.1 // indirect
	github.com/coredns/coredns v1.12.1
	k8s.io/kube v9.9.9
)
replace k8s.io/api => k8s.io/api v0.34.4
"""

TESTS_ONLY = {"golang.org/x/tools", "golang.org/x/sync", "golang.org/x/exp", "golang.org/x/mod"}


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("k8s.io/kubernetes/cmd/kubelet", "v1.34.4"),
        ("github.com/coredns/coredns", "v1.12.1"),
        ("k8s.io/api", ""),
        ("example/own", ""),
    ],
)
def test_the_version_of_a_package_is_that_of_its_module(package: str, version: str) -> None:
    assert tools.pinned_version(GO_MOD, package) == version


@pytest.mark.parametrize("tool", tools.GROUPS["all"], ids=lambda tool: tool.name)
def test_every_tool_is_pinned(tool: tools.Tool) -> None:
    go_mod = (tools.MODULES / tool.module / "go.mod").read_text()
    assert tool.package in go_mod
    assert tool.pinned or tool.module == "pause"


def test_all_parts_of_kubernetes_are_the_same_version() -> None:
    minor = tools.kubernetes_version().removeprefix("v1.")
    replaced = [line for line in (tools.MODULES / "kubernetes" / "go.mod").read_text().splitlines() if "=>" in line]
    assert replaced
    assert all(line.endswith(f" v0.{minor}") for line in replaced)


@pytest.mark.parametrize("module", ["coredns", "local-path"])
def test_what_kubernetes_is_made_of_is_compiled_once(module: str) -> None:
    """The compiler's cache knows a package by its module's version; another version of it is compiled anew."""
    ours, theirs = (requirements(name) for name in (module, "kubernetes"))
    # kubeadm uses the parser in it alone, and CoreDNS a newer one.
    shared = (ours.keys() & theirs.keys()) - {"github.com/coredns/caddy"}
    assert {"k8s.io/client-go", "k8s.io/api", "k8s.io/apimachinery", "github.com/prometheus/client_golang"} <= shared
    # Of what only tests of others import, go.mod says a version, and nothing is compiled.
    differ = {name for name in shared if ours[name] != theirs[name]} - TESTS_ONLY
    assert differ == set()


def requirements(module: str) -> dict[str, str]:
    """The versions in a module's go.mod."""
    go_mod = (tools.MODULES / module / "go.mod").read_text().partition("\nexclude")[0].partition("\nreplace")[0]
    return dict(re.findall(r"^\s*(?:require )?(\S+\.\S+/\S+|\S+/\S+) (v\S+)", go_mod, re.MULTILINE))


def test_kubernetes_is_told_its_version() -> None:
    flags = tools.ldflags(tools.BY_NAME["kubeadm"])
    assert f"gitVersion={tools.kubernetes_version()}" in flags
    assert "gitMajor=1 " in flags


def test_each_group_holds_the_one_before() -> None:
    assert set(tools.GROUPS["cluster"]) < set(tools.GROUPS["tests"]) < set(tools.GROUPS["all"])


def test_a_main_program_of_ours_has_the_version_of_what_it_holds() -> None:
    assert tools.BY_NAME["coredns"].package.startswith("evalcampaign.dev/")
    assert tools.BY_NAME["coredns"].pinned.startswith("v1.")


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
        ("go.etcd.io/etcd/etcdctl/v3", "etcdctl"),
        ("go.etcd.io/etcd/server/v3", "server"),
        ("v3", "v3"),
    ],
)
def test_go_calls_a_program_by_the_last_part_of_its_package(package: str, name: str) -> None:
    assert tools.executable(package) == name


def test_the_programs_of_a_module_are_built_at_once_and_none_is_left_out() -> None:
    builds = tools.builds(tools.GROUPS["all"])
    assert [tool for build in builds for tool in build] != []
    assert {tool for build in builds for tool in build} == set(tools.GROUPS["all"])
    modules = [{tool.module for tool in build} for build in builds]
    assert all(len(each) == 1 for each in modules)
    assert len(modules) == len({tool.module for tool in tools.GROUPS["all"]})
    # Two programs of one name in one folder would overwrite each other.
    for build in builds:
        assert len({tools.executable(tool.package) for tool in build}) == len(build)


@pytest.mark.parametrize(("processors", "gigabytes", "at_once"), [(2, 24, 2), (16, 8, 5), (4, 1, 1), (1, 64, 1)])
def test_no_more_linkers_run_at_once_than_the_memory_has_room_for(
    processors: int, gigabytes: int, at_once: int
) -> None:
    assert tools.at_once(processors, gigabytes * 10**9) == at_once
