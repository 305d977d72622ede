"""The scripted agent of examples/agent: its image, and its Deployment with a policy."""

from typing import Any

import yaml

from cluster import kubectl
from cluster.deployment import image, overlay, preloaded
from cluster.deployment.derived import Derived
from cluster.errors import ClusterError
from cluster.progress import Stages, note
from cluster.settings import REPO
from examples.agent.agent.policies import POLICIES

NAME = "evalcampaign/scripted-agent"
FOLDER = REPO / "examples" / "agent"
MANIFESTS = FOLDER / "manifests"
IMAGE = Derived(NAME, FOLDER, ("Dockerfile", ".dockerignore", "agent"))
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
    agent, controller = IMAGE.ensure(preloaded.names(), stages), image.ensure()
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
