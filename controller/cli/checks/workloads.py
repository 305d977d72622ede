"""The agents that campaigns start: whose campaigns may do it, and whether the controller was given the powers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from controller.api import GROUP, PLURAL, VERSION
from controller.authorization import Namespace, missing_agent_authorization
from controller.cli.checks.cluster import may_or_unknown
from controller.cli.checks.finding import Finding, fail, ok, warn
from controller.cli.checks.namespaces import CONTROLLER
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import Refused
from controller.settings import opt_in_keys

LABELS = ("ticket-sender", "evalcampaign.dev/agents")
"""A namespace that carries one of these with the value `true` is let through to the controller's intake."""

POWERS = (("", "pods", "list"), ("apps", "replicasets", "list"))
"""What the controller takes in an agent's namespace beside its Deployment: to watch its pod, and no others."""


def look(api: Api, campaigns: str) -> Iterator[Finding]:
    """`campaigns` is the namespace whose campaigns want to start agents. Nothing is said where there are none."""
    named = _named(api, campaigns)
    try:
        labelled = [
            each for key in LABELS for each in api.get("/api/v1/namespaces", labelSelector=f"{key}=true")["items"]
        ]
        found = {each["metadata"]["name"]: each["metadata"] for each in labelled}
        for name in named.keys() - found.keys():
            found[name] = api.get(f"/api/v1/namespaces/{name}")["metadata"]
    except Refused as refused:
        yield warn(f"Whose campaigns may start which agents cannot be told: {refused}", "ask who may read namespaces")
        return
    for name, meta in sorted(found.items()):
        yield _consent(Namespace(name, meta.get("labels") or {}, meta.get("annotations") or {}), campaigns)
        yield from _powers(api, name, named.get(name) or _deployments(api, name))


def _named(api: Api, campaigns: str) -> Mapping[str, list[str]]:
    """The Deployments that campaigns of this namespace name, by their namespace."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    try:
        listed = api.get(f"/apis/{GROUP}/{VERSION}/namespaces/{campaigns}/{PLURAL}")["items"]
    except Refused:
        return named
    for each in listed:
        workload = each.get("spec", {}).get("agent", {}).get("workload", {})
        if workload.get("name") and workload["name"] not in named[workload["namespace"]]:
            named[workload["namespace"]].append(workload["name"])
    return named


def _deployments(api: Api, namespace: str) -> list[str]:
    """Those that are there; none where they may not be listed."""
    try:
        listed = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    except Refused:
        return []
    return [each["metadata"]["name"] for each in listed]


def _consent(namespace: Namespace, campaigns: str) -> Finding:
    if (refusal := missing_agent_authorization(namespace, campaigns, opt_in_keys())) is None:
        return ok(f"Campaigns of {campaigns} may start and end the agents in namespace {namespace.name}")
    return warn(
        f"Campaigns of {campaigns} may not start and end the agents in namespace {namespace.name}",
        refusal.message.partition(": ")[2],
    )


def _powers(api: Api, namespace: str, deployments: list[str]) -> Iterator[Finding]:
    asked = [
        (f"{verb} {resource}", {"group": group, "resource": resource, "verb": verb}) for group, resource, verb in POWERS
    ]
    asked.append(("get its Namespace", {"resource": "namespaces", "verb": "get", "name": namespace}))
    for name in deployments:
        of = {"group": "apps", "resource": "deployments", "name": name}
        asked.append((f"get Deployment {name}", of | {"verb": "get"}))
        asked.append((f"scale Deployment {name}", of | {"verb": "patch", "subresource": "scale"}))
    lacking = []
    for what, attributes in asked:
        allowed = may_or_unknown(api, attributes | {"namespace": namespace}, CONTROLLER)
        if allowed is None:
            yield warn(
                f"Whether the controller has powers over the agents in {namespace} cannot be told: you may not ask"
            )
            return
        if not allowed:
            lacking.append(what)
    if lacking:
        yield fail(
            f"The controller lacks powers over the agents in namespace {namespace}: {', '.join(lacking)}",
            "grant them, as examples/agent/manifests/base/lease.yaml does: docs/agents/attaching.md",
        )
        return
    which = ", ".join(deployments) or "the agents"
    yield ok(f"The controller has the powers to start, watch and end {which} in namespace {namespace}")
