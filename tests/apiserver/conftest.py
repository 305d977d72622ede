"""A real API server for the session and ways to act on it.

control_plane       etcd and kube-apiserver; `.url`, `.admin_kubeconfig()`, `.logs`
kubectl             the pinned kubectl as admin: kubectl("get", "ec"), kubectl.refused(...), kubectl.json(...)
crd                 the CRD is applied and Established
make_namespace      a new namespace, with labels and annotations; `namespace` is one made for this test
kubectl_as          kubectl as a ServiceAccount, with exactly its rights; `.kubeconfig` is its kubeconfig file
shipped             CRD and manifests are applied as a user would
controller_kubeconfig   the kubeconfig of the controller's ServiceAccount, on top of `shipped`
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cluster.apiserver.controlplane import ControlPlane
from cluster.apiserver.kubectl import Kubectl
from tests.apiserver import binaries

REPO = Path(__file__).parents[2]
CRDS = REPO / "crds"
SUBJECTS = ("etcd", "tikv")
MANIFESTS = [
    REPO / "manifests" / "controller",
    REPO / "manifests" / "roles",
    *(REPO / "manifests" / "subjects" / folder for name in SUBJECTS for folder in (name, f"{name}-permissions")),
]
CONTROLLER_NAMESPACE = "evalcampaign"
CONTROLLER_ACCOUNT = "evalcampaign-controller"

MakeNamespace = Callable[..., str]
KubectlAs = Callable[[str, str], Kubectl]

_logs: list[Path] = []


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    programs = binaries.require()
    plane = ControlPlane(tmp_path_factory.mktemp("apiserver"), programs)
    _logs.append(plane.logs)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where to look, when something failed; pytest keeps the folders of its last three sessions."""
    if _logs and (terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")):
        terminalreporter.write_line(f"logs of etcd and kube-apiserver: {_logs[-1]}")


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    home = control_plane.folder / "home"
    return Kubectl(binaries.require()["kubectl"], control_plane.admin_kubeconfig(), home)


@pytest.fixture(scope="session")
def crd(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", CRDS)
    kubectl("wait", "--for=condition=Established", "crd/evalcampaigns.evalcampaign.dev", "--timeout=120s")


@pytest.fixture(scope="session")
def make_namespace(kubectl: Kubectl) -> MakeNamespace:
    """`make_namespace("stem", labels={...}, annotations={...})` returns the name of a namespace nobody else has."""
    numbers = itertools.count(1)

    def make(
        stem: str = "test", labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
    ) -> str:
        name = f"{stem}-{next(numbers)}"
        metadata = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return name

    return make


@pytest.fixture
def namespace(crd: None, make_namespace: MakeNamespace) -> str:
    """A namespace of this test's own, with the CRD in place."""
    return make_namespace()


@pytest.fixture(scope="session")
def kubectl_as(control_plane: ControlPlane, kubectl: Kubectl) -> KubectlAs:
    """`kubectl_as("namespace", "account")`: with a token of that ServiceAccount, which must exist."""

    def act(namespace: str, account: str) -> Kubectl:
        token = kubectl("create", "token", account, "-n", namespace, "--duration=2h").strip()
        kubeconfig = control_plane.kubeconfig(f"{namespace}:{account}", token)
        return Kubectl(kubectl.binary, kubeconfig, kubectl.home)

    return act


@pytest.fixture(scope="session")
def shipped(crd: None, kubectl: Kubectl) -> None:
    """What a user applies: the CRD, the controller, the systems to be broken, the permissions over them."""
    for folder in MANIFESTS:
        kubectl("apply", "-k", folder)


@pytest.fixture(scope="session")
def controller_kubeconfig(shipped: None, kubectl_as: KubectlAs) -> Path:
    """Who uses this may do exactly what the shipped manifests allow the controller."""
    return kubectl_as(CONTROLLER_NAMESPACE, CONTROLLER_ACCOUNT).kubeconfig
