"""What the agents that campaigns name may read of the evaluation, right by right."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from controller.agents.rights import Account, Attributes, Exposure, Places, Right
from controller.agents.rights import look as look_at_rights
from controller.api import GROUP, PLURAL, VERSION
from controller.cli.checks.cluster import may_or_unknown
from controller.cli.checks.finding import Finding, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import NAMESPACE
from controller.cli.cluster.errors import Refused
from controller.records.rows import Flag

Agent = tuple[str, str, str]
"""The namespace and the name of its Deployment, and the namespace of the subject it looks after."""


def look(api: Api, campaigns: str) -> Iterator[Finding]:
    """`campaigns` is the namespace whose campaigns are gone through."""
    try:
        listed = api.get(f"/apis/{GROUP}/{VERSION}/namespaces/{campaigns}/{PLURAL}")["items"]
    except Refused as refused:
        yield warn(f"What agents can read cannot be told: {refused}", f"ask who may list {PLURAL} in {campaigns}")
        return
    for namespace, name, subject in sorted({agent for each in listed if (agent := _named(each))}):
        yield from _of_agent(api, namespace, name, Places(campaigns, subject, NAMESPACE))


def _named(campaign: dict[str, dict[str, dict[str, dict[str, str]]]]) -> Agent | None:
    spec = campaign["spec"]
    workload = spec.get("agent", {}).get("workload", {})
    if not workload.get("name"):
        return None
    return workload["namespace"], workload["name"], str(spec["subject"]["namespace"])


def _of_agent(api: Api, namespace: str, name: str, places: Places) -> Iterator[Finding]:
    agent = f"The agent {namespace}/{name}"
    try:
        found = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    except Refused as refused:
        yield warn(f"{agent}: whether it can read of the evaluation cannot be told: {refused}")
        return
    template = found["spec"].get("template") or {}
    account = Account(namespace, (template.get("spec") or {}).get("serviceAccountName") or "default")

    async def ask(account: Account, attributes: Attributes) -> bool | None:
        return may_or_unknown(api, attributes, account)

    exposure = asyncio.run(look_at_rights(account, places, ask))
    yield from findings(agent, account, exposure)


def findings(agent: str, account: Account, exposure: Exposure) -> Iterator[Finding]:
    """A line for each right that it has, one for those that nobody can tell of, or that all is well. Pure."""
    for right in exposure.can:
        yield warn(f"{agent} can read {right.what}{_because(right)}", f"take that right from ServiceAccount {account}")
    if exposure.unknown:
        which = ", ".join(right.what for right in exposure.unknown)
        yield warn(
            f"{agent}: whether it can read {which} cannot be told",
            "have somebody run this who may create subjectaccessreviews.authorization.k8s.io",
        )
    if not exposure.can and not exposure.unknown:
        yield ok(f"{agent}, ServiceAccount {account}, can read nothing that tells it of the evaluation")


def _because(right: Right) -> str:
    if right.flag is Flag.AGENT_CAN_READ_EVENTS:
        return ", where the kubelet says what was done to a pod"
    return ", and so that it is being evaluated"
