"""What may be broken, by whose campaigns, and whether the controller was given the powers to do it."""

from __future__ import annotations

from collections.abc import Iterator

from controller.agents.rights import Account
from controller.authorization import Namespace, OptInKeys, allowed_namespaces, missing_authorization
from controller.cli.checks.cluster import may_or_unknown
from controller.cli.checks.finding import Finding, fail, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import ACCOUNT, NAMESPACE
from controller.cli.cluster.errors import Refused
from controller.settings import opt_in_keys

CONTROLLER = Account(NAMESPACE, ACCOUNT)

POWERS = (*(("pods", verb) for verb in ("get", "list", "watch", "delete", "patch")), ("namespaces", "get"))
"""What every subject takes in its namespace; beyond that each has its own, which a campaign asks for by itself."""


def look(api: Api, campaigns: str) -> Iterator[Finding]:
    """`campaigns` is the namespace whose campaigns want to break something."""
    keys = opt_in_keys()
    try:
        listed = _opted_in(api, keys)
    except Refused as refused:
        yield warn(f"Which namespaces may be broken cannot be told: {refused}", "ask who may list namespaces")
        return
    if not listed:
        yield fail(
            "No namespace has agreed to be broken",
            f"its owner says so: kubectl label namespace NAME {keys.label}=true, and kubectl annotate namespace NAME "
            f"{keys.annotation}={campaigns}",
        )
    for each in listed:
        yield _authorization(each, campaigns, keys)
        yield _powers(api, each.name)


def _opted_in(api: Api, keys: OptInKeys) -> list[Namespace]:
    """Those that say so under any of the names that are read, each once."""
    found = {}
    for key in keys.labels:
        for each in api.get("/api/v1/namespaces", labelSelector=f"{key}=true")["items"]:
            meta = each["metadata"]
            found[meta["name"]] = Namespace(meta["name"], meta.get("labels") or {}, meta.get("annotations") or {})
    return [found[name] for name in sorted(found)]


def _authorization(namespace: Namespace, campaigns: str, keys: OptInKeys) -> Finding:
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


def _powers(api: Api, namespace: str) -> Finding:
    lacking = []
    for resource, verb in POWERS:
        asked = {"resource": resource, "verb": verb, "namespace": namespace}
        if resource == "namespaces":
            asked["name"] = namespace
        allowed = may_or_unknown(api, asked, CONTROLLER)
        if allowed is None:
            return warn(f"Whether the controller has powers over {namespace} cannot be told: you may not ask")
        if not allowed:
            lacking.append(f"{verb} {resource}")
    if lacking:
        return fail(
            f"The controller lacks powers over namespace {namespace}: {', '.join(lacking)}",
            "grant them, as manifests/subjects/*-powers do: kubectl apply -k manifests/subjects/SUBJECT-powers",
        )
    return ok(f"The controller has the powers to break and mend what is in namespace {namespace}")
