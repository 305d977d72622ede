"""A campaign's token, with which its agent sends its work in; read and handed on with the person's own rights."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import NAMESPACE
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.settings import FIELD_MANAGER

KEY = "token"
URL = "url"
"""The keys of the Secret beside the agent: what it sends with, and where to."""

AGENTS_SECRET = "ticket-desk"
"""What the Secret is called beside the agent, unless told otherwise: nothing there says who takes the tickets."""

FORMER_SECRET = "evalcampaign-token"
"""What it was called first. An agent that has that one mounted goes on being given its token."""

SERVICE = "evalcampaign-intake"
PORT = 8090
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.5


def read(api: Api, uid: str, wait_seconds: float = 0.0) -> str:
    """The token of the campaign with this uid, once it is there. CommandFailed where it does not come in time."""
    name = f"evalcampaign-token-{uid}"
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            secret = api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
            return b64decode(secret["data"][KEY]).decode()
        except Refused as refused:
            if not refused.missing:
                raise
        if time.monotonic() >= deadline:
            waited = f" within {wait_seconds:g} s" if wait_seconds else ""
            raise CommandFailed(
                f"The controller made no token for this campaign{waited} (Secret {NAMESPACE}/{name}): campaigns whose "
                "agent.source is http have one, from when the controller has seen them until they are gone"
            )
        time.sleep(POLL_SECONDS)


def hand_on(api: Api, token: str, namespace: str, secret: str = AGENTS_SECRET) -> None:
    """Put the token and the address into a Secret of another namespace, whether or not it is there already."""
    url = where_to_send(api)
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": namespace},
        "type": "Opaque",
        "data": {key: b64encode(value.encode()).decode() for key, value in ((KEY, token), (URL, url))},
    }
    api.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/secrets/{secret}",
        query={"fieldManager": FIELD_MANAGER, "force": "true"},
        body=body,
        content_type="application/apply-patch+yaml",
    )


def secret_of(api: Api, namespace: str, deployment: str) -> str:
    """The Secret in which an agent looks for its token: the usual one, or the former where its pod names that."""
    try:
        found = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
    except Refused:
        return AGENTS_SECRET
    named = set(_strings(found["spec"]["template"].get("spec", {})))
    return FORMER_SECRET if FORMER_SECRET in named and AGENTS_SECRET not in named else AGENTS_SECRET


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _strings(below)


def where_to_send(api: Api) -> str:
    """The URL of the intake: by its Service's address, which tells an agent nothing; else by its name."""
    named = f"http://{SERVICE}.{NAMESPACE}:{PORT}"
    try:
        spec = api.get(f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}")["spec"]
    except Refused:
        return named
    address = spec.get("clusterIP") or "None"
    if address == "None":
        return named
    port = next((each["port"] for each in spec.get("ports", ())), PORT)
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
