"""Reads a campaign's token, and stores it for the agent that sends tickets, with the user's own permissions."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from secrets import token_urlsafe
from typing import Any

from controller.cli.cluster.api import Api
from controller.cli.cluster.campaigns import Campaigns, CampaignSnapshot
from controller.cli.cluster.controller import NAMESPACE, find_pod, forward
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.cli.records_source import port
from controller.reading.remote import RemoteReader
from controller.records.errors import NotRecorded, RecordsError
from controller.settings import FIELD_MANAGER
from controller.tokens import ANNOTATION, digest_of, secret_name

KEY = "token"
URL = "url"
"""The keys of the Secret in the agent's namespace: the token, and the URL to send to."""

AGENTS_SECRET = "ticket-desk"
"""The default name of the Secret in the agent's namespace. The name does not reveal who receives the tickets."""

FORMER_SECRET = "evalcampaign-token"
"""The earlier name of the Secret. It is still filled for agents that mount it."""

SERVICE = "evalcampaign-intake"
PORT = 8090
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.5


def read(campaigns: Campaigns, campaign: CampaignSnapshot, wait_seconds: float = 0.0) -> str:
    """Returns the campaign's token. Waits until it exists; raises CommandFailed after `wait_seconds`.

    A user who may read Secrets in the controller's namespace reads the Secret. Another user, who may change this
    campaign and port-forward to the controller, gets the token from the controller. So nobody needs permission to read
    the tokens of all campaigns.
    """
    try:
        return _poll(lambda: _from_secret(campaigns.api, campaign), campaign, wait_seconds)
    except Refused as refused:
        if refused.status != 403:
            raise
    with _proof(campaigns, campaign) as proof, _controller(campaigns.api) as controller:
        return _poll(lambda: _from_controller(controller, campaign, proof), campaign, wait_seconds)


def _from_secret(api: Api, campaign: CampaignSnapshot) -> str | None:
    try:
        secret = api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret_name(campaign.uid)}")
    except Refused as refused:
        if refused.missing:
            return None
        raise
    return b64decode(secret["data"][KEY]).decode()


def _from_controller(controller: RemoteReader, campaign: CampaignSnapshot, proof: str) -> str | None:
    try:
        return controller.token(campaign.namespace, campaign.name, proof)
    except NotRecorded:
        return None
    except RecordsError as error:
        raise CommandFailed(f"The controller does not hand out the token: {error}") from None


@contextmanager
def _controller(api: Api) -> Iterator[RemoteReader]:
    pod = find_pod(api)
    reader = RemoteReader(lambda: forward(api, pod, port()), f"the port-forward to {pod}")
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _proof(campaigns: Campaigns, campaign: CampaignSnapshot) -> Iterator[str]:
    """Returns a secret, and keeps its digest in the campaign's annotation while the block runs."""
    proof = token_urlsafe(32)
    campaigns.annotate(campaign, {ANNOTATION: digest_of(proof)})
    try:
        yield proof
    finally:
        with suppress(CommandFailed):  # an annotation that remains is useless to anybody
            campaigns.annotate(campaign, {ANNOTATION: None})


def _poll(fetch: Callable[[], str | None], campaign: CampaignSnapshot, wait_seconds: float) -> str:
    deadline = time.monotonic() + wait_seconds
    while (token := fetch()) is None:
        if time.monotonic() >= deadline:
            waited = f" within {wait_seconds:g} s" if wait_seconds else ""
            raise CommandFailed(
                f"The controller made no token for this campaign{waited} (Secret {NAMESPACE}/"
                f"{secret_name(campaign.uid)}): campaigns whose agent.source is http have one, from when the subject's "
                "owner consents until they are over"
            )
        time.sleep(POLL_SECONDS)
    return token


def store(api: Api, token: str, namespace: str, secret: str = AGENTS_SECRET) -> None:
    """Writes the token and the intake's URL into a Secret of another namespace. Creates it where it is missing."""
    url = intake_url(api)
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


def agent_secret_name(api: Api, namespace: str, deployment: str) -> str:
    """Returns the name of the Secret that the agent reads: the default one, or the earlier one if its pod uses that."""
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


def intake_url(api: Api) -> str:
    """Returns the intake's URL with the Service's address, which reveals nothing to an agent, or else with its name."""
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
