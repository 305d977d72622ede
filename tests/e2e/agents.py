"""The scripted agent in the cluster: one policy after another, each for a campaign of its own."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from cluster import kubectl
from cluster.deployment import agent
from controller.cli.run.tokens import AGENTS_SECRET, SERVICE
from controller.tokens import secret_name
from tests.e2e.campaigns import Campaigns

NAMESPACE, NAME = "agents", "scripted-agent"
WORKLOAD = {"namespace": NAMESPACE, "name": NAME}


def hand_over(campaigns: Campaigns, campaign: str) -> None:
    """Put the campaign's token and the address where the agent has them, as `evalcampaign token --into` does."""
    uid = campaigns.get(campaign)["metadata"]["uid"]
    which = ("-n", "evalcampaign", "get", "secret", secret_name(uid), "-o")
    made = ("wait", "--for=create", f"secret/{secret_name(uid)}", "--timeout=110s")
    kubectl.ask("waiting for the token", *which[:2], *made)
    token = kubectl.ask_json("reading the token", *which[:-1])["data"]["token"]
    service = kubectl.ask_json("reading the intake's Service", "-n", "evalcampaign", "get", "service", SERVICE)
    url = b64encode(f"http://{service['spec']['clusterIP']}:8090".encode()).decode()
    patch = f'{{"data":{{"token":"{token}","url":"{url}"}}}}'
    there = kubectl.attempt("-n", NAMESPACE, "get", "secret", AGENTS_SECRET)
    if there.returncode != 0:
        kubectl.ask("making the agent's Secret", "-n", NAMESPACE, "create", "secret", "generic", AGENTS_SECRET)
    kubectl.ask("handing the token over", "-n", NAMESPACE, "patch", "secret", AGENTS_SECRET, "-p", patch)


def deploy(policy: str, of: str) -> None:
    """Have the agent there with this policy, and no pod of it."""
    agent.deploy(policy, of)


def pods() -> list[Any]:
    """Its pods."""
    return list(kubectl.ask_json("reading the agent's pods", "-n", NAMESPACE, "get", "pods")["items"])
