"""Our CoreDNS has what the Corefile of a kubeadm cluster uses."""

import subprocess

import pytest

from cluster import run, tools
from cluster.errors import SetupError
from cluster.node import corefile

CLUSTER = """\
.:53 {
    errors  # to standard output
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa {
       pods insecure
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
}
other.example:53 {
    hosts
}
"""


def test_the_directives_of_a_corefile_are_the_plugins_and_not_their_settings() -> None:
    assert corefile.directives(CLUSTER) == {"errors", "health", "kubernetes", "prometheus", "forward", "hosts"}


def test_imported_plugins_are_known_by_their_directive() -> None:
    program = '\t_ "github.com/coredns/coredns/plugin/metrics"\n\t// _ "github.com/coredns/coredns/plugin/log"\n'
    assert corefile.compiled(program) == {"prometheus"}


def test_the_corefile_is_found_among_the_manifests() -> None:
    printed = "kind: Deployment\n---\nkind: ConfigMap\ndata:\n  Corefile: |\n    .:53 {\n    }\n---\n"
    assert corefile.in_manifests(printed) == ".:53 {\n}\n"
    with pytest.raises(SetupError, match="no Corefile"):
        corefile.in_manifests("kind: Deployment\n")


def test_our_coredns_has_what_a_kubeadm_cluster_has_needed_for_years() -> None:
    needed = "errors health ready kubernetes prometheus forward cache loop reload loadbalance"
    assert set(needed.split()) <= corefile.compiled(corefile.PROGRAM.read_text())


def test_our_coredns_has_what_this_kubeadm_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    if not tools.binary("kubeadm").exists():
        pytest.skip("kubeadm is not built; making the node image asks it the same")
    corefile.require_plugins()
    monkeypatch.setattr(corefile, "compiled", lambda _: {"errors"})
    with pytest.raises(SetupError, match="lacks: cache, forward"):
        corefile.require_plugins()


def test_a_kubeadm_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "attempt", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "broken"))
    with pytest.raises(SetupError, match="asking kubeadm for its Corefile failed"):
        corefile.require_plugins()
