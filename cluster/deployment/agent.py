"""The scripted agent of examples/agent: its image, itself, its rights, and what campaigns may do with it.

It is put there with no pod: a campaign starts one for each of its trials. The token that the pod waits for is a
campaign's, so it cannot be put there yet.
"""

from typing import Any

from cluster import kubectl
from cluster.deployment import overlay, preloaded
from cluster.deployment.derived import Derived
from cluster.errors import ClusterError
from cluster.progress import Stages, note
from cluster.settings import REPO
from examples.agent.agent.policies import POLICIES
from examples.agent.agent.settings import SUBJECTS

FOLDER = REPO / "examples" / "agent"
MANIFESTS = FOLDER / "manifests"
NAMESPACE = "agents"
NAME = "scripted-agent"
IMAGE = Derived(f"evalcampaign/{NAME}", FOLDER, ("Dockerfile", ".dockerignore", "agent"))

# Its namespace, and the rest in there, goes last.
FOLDERS = ("scaling", *(f"rights-{subject}" for subject in SUBJECTS), "agent")


def deploy(policy: str, subject: str = "tikv", with_file: bool = False) -> None:
    """The agent with this policy, for this subject; `with_file`: as one that writes an operator.db. ClusterError."""
    changes = changed(policy, subject, IMAGE.tagged)
    stages = Stages()
    IMAGE.ensure(preloaded.names(), stages)
    base = MANIFESTS / ("agent-with-file" if with_file else "agent")
    with stages.stage(f"applying the agent, a {policy} that watches {subject}"):
        with overlay.written(base, changes) as folder:
            kubectl.do("applying the agent", "apply", "-k", folder)
        rights = MANIFESTS / f"rights-{subject}"
        kubectl.do(
            "applying the agent's rights", "apply", "-k", rights, hint=f"is there a {subject}? make deploy-{subject}"
        )
        kubectl.do("applying what campaigns may do with it", "apply", "-k", MANIFESTS / "scaling")
    note(f"Campaigns may start it as {NAMESPACE}/{NAME}, once it has a token: docs/agents/attaching.md.")


def remove() -> None:
    """Take it out; nothing there is fine."""
    for folder in FOLDERS:
        kubectl.remove("the agent", "-k", MANIFESTS / folder)


def changed(policy: str, subject: str, image: str) -> dict[str, Any]:
    """What is laid over the manifests. Pure; ClusterError when there is no such policy or subject."""
    for wish, known in ((policy, tuple(POLICIES)), (subject, SUBJECTS)):
        if wish not in known:
            raise ClusterError(f"the scripted agent knows no {wish}.", hint=f"use one of {', '.join(known)}.")
    literals = [f"AGENT_POLICY={policy}", f"AGENT_SUBJECT={subject}", f"AGENT_NAMESPACE={subject}"]
    return {
        **overlay.renamed({IMAGE.name: image}),
        "configMapGenerator": [{"name": NAME, "namespace": NAMESPACE, "behavior": "merge", "literals": literals}],
        "generatorOptions": {"disableNameSuffixHash": True},
    }
