"""A campaign's token, with which its agent sends its work in; read and handed on with the person's own rights."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode

from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import NAMESPACE
from controller.cli.cluster.errors import CommandFailed, Refused

KEY = "token"
AGENTS_SECRET = "evalcampaign-token"
"""What the Secret is called beside the agent, unless told otherwise."""

FIELD_MANAGER = "evalcampaign-cli"
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
    """Put the token into a Secret of another namespace, key `token`, whether or not it is there already."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": namespace},
        "type": "Opaque",
        "data": {KEY: b64encode(token.encode()).decode()},
    }
    api.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/secrets/{secret}",
        query={"fieldManager": FIELD_MANAGER, "force": "true"},
        body=body,
        content_type="application/apply-patch+yaml",
    )
