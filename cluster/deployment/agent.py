"""The scripted agent of examples/agent: its image, and its Deployment with a policy."""

from collections.abc import Collection
from typing import Any

import yaml

from cluster import kind, kubectl, run
from cluster.deployment import image, names, overlay, preloaded
from cluster.deployment.derived import Derived
from cluster.errors import SetupError
from cluster.progress import Stages, note
from cluster.settings import REPO
from examples.agent.agent.policies import POLICIES

# Plain: what is in a pod's spec, whoever may look at the pod reads.
NAME = "local/scripted-agent"
FORWARD = "local/forward"
FOLDER = REPO / "examples" / "agent"
MANIFESTS = FOLDER / "manifests"
NAMESPACE = "agents"
IMAGE = Derived(NAME, FOLDER, ("Dockerfile", ".dockerignore", "agent"))
KINDS = ("tikv", "etcd", "operator-db")
"""Folders of manifests: what it looks after; the last is a TiKV, and an operator.db that a sidecar sends on."""


def deploy(policy: str = "fixer", of: str = "tikv") -> None:
    """Have the agent in the cluster, with no pod yet: campaigns start it. SetupError for a policy there is not."""
    if policy not in POLICIES or of not in KINDS:
        raise SetupError(
            f"there is no scripted agent {policy} of {of}.",
            hint=f"policies: {', '.join(POLICIES)}; of: {', '.join(KINDS)}.",
        )
    stages = Stages()
    in_node = preloaded.names()
    changes = patched(policy, IMAGE.ensure(in_node, stages), _forward(in_node, stages))
    with (
        stages.stage(f"applying the scripted agent, policy {policy}"),
        overlay.written(MANIFESTS / of, changes) as folder,
    ):
        kubectl.do("applying the scripted agent", "apply", "-k", folder)
        names.remove_former(NAMESPACE)
    note(f"The scripted agent is there ({policy}); a campaign with agent.workload agents/scripted-agent starts it.")


def remove() -> None:
    """Take it out again; nothing there is fine."""
    for of in ("tikv", "etcd"):
        kubectl.remove("the scripted agent", "-k", MANIFESTS / of)


def _forward(in_node: Collection[str], stages: Stages) -> str:
    """The controller's image under the sidecar's name, in the node."""
    built = image.ensure()
    tagged = f"{FORWARD}:{built.inputs}"
    if not preloaded.has(in_node, tagged):
        with stages.stage(f"loading {tagged} into the cluster"):
            run.output(["docker", "tag", built.name, tagged], f"naming {built.name} {tagged}")
            kind.load(tagged)
    return tagged


def patched(policy: str, agent: str, forward: str) -> dict[str, Any]:
    """Returns what only this cluster knows, laid over the manifests. Pure."""
    said = [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": policy}]
    images = overlay.renamed({NAME: agent, FORWARD: forward})
    return images | {"patches": [{"target": {"kind": "Deployment"}, "patch": yaml.safe_dump(said)}]}
