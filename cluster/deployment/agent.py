"""The scripted agent of examples/agent: its image, and its Deployment with a policy."""

import shutil
from typing import Any

import yaml

from cluster import fingerprint, kind, kubectl, run
from cluster.deployment import image, overlay, preloaded
from cluster.docker import engine
from cluster.errors import ClusterError
from cluster.locks import lock
from cluster.node import rootfs
from cluster.progress import Stages, note
from cluster.settings import REPO

NAME = "evalcampaign/scripted-agent"
FOLDER = REPO / "examples" / "agent"
MANIFESTS = FOLDER / "manifests"
POLICIES = ("fixer", "watcher", "liar", "sleeper", "jumpy", "wrecker")
KINDS = ("tikv", "etcd", "operator-db")
"""Folders of manifests: what it looks after; the last is a TiKV, and an operator.db that a sidecar sends on."""


def deploy(policy: str = "fixer", of: str = "tikv") -> None:
    """Have the agent in the cluster, with no pod yet: campaigns start it. ClusterError for a policy there is not."""
    if policy not in POLICIES or of not in KINDS:
        raise ClusterError(
            f"there is no scripted agent {policy} of {of}.",
            hint=f"policies: {', '.join(POLICIES)}; of: {', '.join(KINDS)}.",
        )
    stages = Stages()
    agent, controller = ensure(stages), image.ensure()
    changes = patched(policy, agent, controller.name)
    with (
        stages.stage(f"applying the scripted agent, policy {policy}"),
        overlay.written(MANIFESTS / of, changes) as folder,
    ):
        kubectl.do("applying the scripted agent", "apply", "-k", folder)
    note(f"The scripted agent is there ({policy}); a campaign with agent.workload agents/scripted-agent starts it.")


def remove() -> None:
    """Take it out again; nothing there is fine."""
    for of in ("tikv", "etcd"):
        kubectl.remove("the scripted agent", "-k", MANIFESTS / of)


def patched(policy: str, agent: str, controller: str) -> dict[str, Any]:
    """What only this cluster knows, laid over the manifests. Pure."""
    said = [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": policy}]
    images = overlay.renamed({NAME: agent, image.NAME: controller})
    return images | {"patches": [{"target": {"kind": "Deployment"}, "patch": yaml.safe_dump(said)}]}


def name() -> str:
    """The image that the sources at hand make."""
    return f"{NAME}:{fingerprint.of(FOLDER / 'Dockerfile', FOLDER / 'agent', image.LOCK, image.PIP)}"


def ensure(stages: Stages) -> str:
    """Have the image in the node; its name."""
    wanted = name()
    if preloaded.has(preloaded.names(), wanted):
        return wanted
    with lock("scripted-agent"):
        if not rootfs.exists(wanted):
            base = image.ensure().name
            with stages.stage(f"building {wanted}"):
                _build(wanted, base)
        with stages.stage(f"loading {wanted} into the cluster"):
            kind.load(wanted)
    return wanted


def _build(wanted: str, base: str) -> None:
    with rootfs.workspace() as folder:
        context = folder / "context"
        shutil.copytree(FOLDER, context, ignore=shutil.ignore_patterns("__pycache__", "manifests"))
        run.logged(
            ["docker", "build", "--build-arg", f"BASE={base}", "-t", wanted, context],
            f"building {wanted}",
            env=engine.build_environment(),
        )
