"""Checks permissions: those of campaigns over subjects and agents, of the controller, and of agents."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping

from controller.agents.exposure import Account, Attributes, Exposure, Namespaces, Permission, check_exposure
from controller.api import GROUP, PLURAL, VERSION
from controller.authorization import (
    Namespace,
    OptInKeys,
    allowed_namespaces,
    missing_agent_authorization,
    missing_authorization,
)
from controller.cli.checks.finding import Finding, fail, may_or_unknown, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import ACCOUNT, NAMESPACE
from controller.cli.cluster.errors import Refused
from controller.records.rows import Flag
from controller.settings import opt_in_keys

CONTROLLER = Account(NAMESPACE, ACCOUNT)

SUBJECT_PERMISSIONS = (*(("pods", verb) for verb in ("get", "list", "watch", "delete", "patch")), ("namespaces", "get"))
"""The permissions that every subject needs in its namespace. A campaign checks those of its own subject itself."""


def check_namespaces(api: Api, campaigns: str) -> Iterator[Finding]:
    """Checks the authorization of subjects' namespaces for the campaigns of the namespace `campaigns`."""
    keys = opt_in_keys()
    try:
        listed = _opted_in(api, keys)
    except Refused as refused:
        yield warn(f"Which namespaces may be broken is unknown: {refused}", "ask who may list namespaces")
        return
    if not listed:
        yield fail(
            "No namespace has agreed to be broken",
            f"its owner says so: kubectl label namespace NAME {keys.label}=true, and kubectl annotate namespace NAME "
            f"{keys.annotation}={campaigns}",
        )
    for each in listed:
        yield _subject_opt_in(each, campaigns, keys)
        yield _subject_permissions(api, each.name)


def _opted_in(api: Api, keys: OptInKeys) -> list[Namespace]:
    """Returns the namespaces that opt in under any accepted key, each once."""
    found = {}
    for key in keys.labels:
        for each in api.get("/api/v1/namespaces", labelSelector=f"{key}=true")["items"]:
            meta = each["metadata"]
            found[meta["name"]] = Namespace(meta["name"], meta.get("labels") or {}, meta.get("annotations") or {})
    return [found[name] for name in sorted(found)]


def _subject_opt_in(namespace: Namespace, campaigns: str, keys: OptInKeys) -> Finding:
    allowed = ", ".join(allowed_namespaces(namespace, keys)) or "nobody"
    if namespace.name == campaigns:
        return warn(
            f"Namespace {campaigns} may be broken, but not by campaigns that live in it",
            "name another namespace with -n",
        )
    if (refusal := missing_authorization(namespace, campaigns, keys)) is None:
        return ok(f"Namespace {namespace.name} may be broken by campaigns of {allowed}")
    return warn(
        f"Namespace {namespace.name} may be broken, but not by campaigns of {campaigns} (it allows {allowed})",
        refusal.message.partition(": ")[2] or refusal.message,
    )


def _subject_permissions(api: Api, namespace: str) -> Finding:
    lacking = []
    for resource, verb in SUBJECT_PERMISSIONS:
        attributes = {"resource": resource, "verb": verb, "namespace": namespace}
        if resource == "namespaces":
            attributes["name"] = namespace
        allowed = may_or_unknown(api, attributes, CONTROLLER)
        if allowed is None:
            return warn(f"Whether the controller has permissions over {namespace} is unknown: you may not ask")
        if not allowed:
            lacking.append(f"{verb} {resource}")
    if lacking:
        return fail(
            f"The controller lacks permissions in namespace {namespace}: {', '.join(lacking)}",
            "grant them, as manifests/subjects/*-permissions do: "
            "kubectl apply -k manifests/subjects/SUBJECT-permissions",
        )
    return ok(f"The controller has the permissions to break and mend what is in namespace {namespace}")


LABELS = ("ticket-sender", "evalcampaign.dev/agents")
"""A namespace that carries one of these with the value `true` is let through to the controller's intake."""

AGENT_PERMISSIONS = (("", "pods", "list"), ("apps", "replicasets", "list"))
"""The permission that the controller needs in an agent's namespace beside its Deployment: to watch its pod."""


def check_agent_workloads(api: Api, campaigns: str) -> Iterator[Finding]:
    """Checks the agents that campaigns of the namespace `campaigns` start; yields nothing where there are none."""
    named = _named_deployments(api, campaigns)
    try:
        labelled = [
            each for key in LABELS for each in api.get("/api/v1/namespaces", labelSelector=f"{key}=true")["items"]
        ]
        found = {each["metadata"]["name"]: each["metadata"] for each in labelled}
        for name in named.keys() - found.keys():
            found[name] = api.get(f"/api/v1/namespaces/{name}")["metadata"]
    except Refused as refused:
        yield warn(f"Whose campaigns may start which agents is unknown: {refused}", "ask who may read namespaces")
        return
    for name, meta in sorted(found.items()):
        yield _agent_opt_in(Namespace(name, meta.get("labels") or {}, meta.get("annotations") or {}), campaigns)
        yield from _agent_permissions(api, name, named.get(name) or _deployments(api, name))


def _named_deployments(api: Api, campaigns: str) -> Mapping[str, list[str]]:
    """Returns the Deployments that campaigns of this namespace name, by their namespace."""
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
    """Returns the names of the namespace's Deployments; none where listing is forbidden."""
    try:
        listed = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    except Refused:
        return []
    return [each["metadata"]["name"] for each in listed]


def _agent_opt_in(namespace: Namespace, campaigns: str) -> Finding:
    if (refusal := missing_agent_authorization(namespace, campaigns, opt_in_keys())) is None:
        return ok(f"Campaigns of {campaigns} may start and end the agents in namespace {namespace.name}")
    return warn(
        f"Campaigns of {campaigns} may not start and end the agents in namespace {namespace.name}",
        refusal.message.partition(": ")[2],
    )


def _agent_permissions(api: Api, namespace: str, deployments: list[str]) -> Iterator[Finding]:
    reviews = [
        (f"{verb} {resource}", {"group": group, "resource": resource, "verb": verb})
        for group, resource, verb in AGENT_PERMISSIONS
    ]
    reviews.append(("get its Namespace", {"resource": "namespaces", "verb": "get", "name": namespace}))
    for name in deployments:
        of = {"group": "apps", "resource": "deployments", "name": name}
        reviews.append((f"get Deployment {name}", of | {"verb": "get"}))
        reviews.append((f"scale Deployment {name}", of | {"verb": "patch", "subresource": "scale"}))
    lacking = []
    for what, attributes in reviews:
        allowed = may_or_unknown(api, attributes | {"namespace": namespace}, CONTROLLER)
        if allowed is None:
            yield warn(
                f"Whether the controller has permissions over the agents in {namespace} is unknown: you may not ask"
            )
            return
        if not allowed:
            lacking.append(what)
    if lacking:
        yield fail(
            f"The controller lacks permissions over the agents in namespace {namespace}: {', '.join(lacking)}",
            "grant them, as examples/agent/manifests/base/lease.yaml does: docs/agents/attaching.md",
        )
        return
    which = ", ".join(deployments) or "the agents"
    yield ok(f"The controller has the permissions to start, watch and end {which} in namespace {namespace}")


Agent = tuple[str, str, str]
"""The namespace and the name of its Deployment, and the namespace of the subject it looks after."""


def check_agent_permissions(api: Api, campaigns: str) -> Iterator[Finding]:
    """Checks what the agents of the campaigns in the namespace `campaigns` may do."""
    try:
        listed = api.get(f"/apis/{GROUP}/{VERSION}/namespaces/{campaigns}/{PLURAL}")["items"]
    except Refused as refused:
        yield warn(f"What agents can read is unknown: {refused}", f"ask who may list {PLURAL} in {campaigns}")
        return
    for namespace, name, subject in sorted({agent for each in listed if (agent := _named_agent(each))}):
        yield from _check_agent(api, namespace, name, Namespaces(campaigns, subject, NAMESPACE))


def _named_agent(campaign: dict[str, dict[str, dict[str, dict[str, str]]]]) -> Agent | None:
    spec = campaign["spec"]
    workload = spec.get("agent", {}).get("workload", {})
    if not workload.get("name"):
        return None
    return workload["namespace"], workload["name"], str(spec["subject"]["namespace"])


def _check_agent(api: Api, namespace: str, name: str, namespaces: Namespaces) -> Iterator[Finding]:
    agent = f"The agent {namespace}/{name}"
    try:
        found = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    except Refused as refused:
        yield warn(f"{agent}: whether it can read of the evaluation is unknown: {refused}")
        return
    template = found["spec"].get("template") or {}
    account = Account(namespace, (template.get("spec") or {}).get("serviceAccountName") or "default")

    async def ask(account: Account, attributes: Attributes) -> bool | None:
        return may_or_unknown(api, attributes, account)

    exposure = asyncio.run(check_exposure(account, namespaces, ask))
    yield from exposure_findings(agent, account, exposure)


def exposure_findings(agent: str, account: Account, exposure: Exposure) -> Iterator[Finding]:
    """Yields a finding for each right of the agent, one for all unknown rights, or one that all is well. Pure."""
    for right in exposure.can:
        yield warn(
            f"{agent} can read {right.what}{_consequence(right)}", f"take that right from ServiceAccount {account}"
        )
    if exposure.unknown:
        which = ", ".join(right.what for right in exposure.unknown)
        yield warn(
            f"{agent}: whether it can read {which} is unknown",
            "have somebody run this who may create subjectaccessreviews.authorization.k8s.io",
        )
    if not exposure.can and not exposure.unknown:
        yield ok(f"{agent}, ServiceAccount {account}, can read nothing that tells it of the evaluation")


def _consequence(right: Permission) -> str:
    if right.flag is Flag.AGENT_CAN_READ_EVENTS:
        return ", where the kubelet says what was done to a pod"
    return ", and so that it is being evaluated"
