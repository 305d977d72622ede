"""The tokens of campaigns: who may send, and how an owner gets a token.

A token is made once for a campaign and lives in a Secret in the controller's own namespace; after a restart it is read
from there again. In memory the controller keeps digests alone.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

from controller.api import GROUP, PLURAL, VERSION
from controller.kube import KubeApi
from controller.tokens import ANNOTATION, InvalidProof, digest_of, secret_name
from subjects.cluster import ClusterError

KEY = "token"

MIN_TOKEN_CHARACTERS = 16
"""The least length of a token that somebody else put into the Secret. An empty one would give everybody access."""

MIN_PROOF_CHARACTERS = 32
"""A shorter proof could be guessed from its digest."""

MAX_PROOF_CHARACTERS = 256

CAMPAIGN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
"""A name in Kubernetes: nothing that has a meaning in a selector."""


class TokenRegistry:
    """Maps tokens, by their digests, to campaigns."""

    def __init__(self) -> None:
        self._campaigns: dict[bytes, str] = {}

    def register(self, token: str, campaign_uid: str) -> None:
        """Accepts this token for this campaign from now on."""
        self._campaigns[_digest(token)] = campaign_uid

    def forget(self, campaign_uid: str) -> None:
        """Rejects the tokens of this campaign from now on."""
        self._campaigns = {digest: uid for digest, uid in self._campaigns.items() if uid != campaign_uid}

    def campaign_of(self, token: str) -> str | None:
        """Returns the uid of the token's campaign, or None. Digests are looked up, so timing reveals nothing."""
        return self._campaigns.get(_digest(token))


class TokenSecrets:
    """Creates, reads and deletes the Secrets of campaigns' tokens."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def ensure(self, campaign_uid: str) -> str:
        """Returns the campaign's token, created if there is none. Raises ClusterError where it cannot be had."""
        try:
            return await self.read(campaign_uid)
        except ClusterError as error:
            if error.status != 404:
                raise
        token = token_urlsafe(32)
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {
                "name": secret_name(campaign_uid),
                "labels": {"app.kubernetes.io/managed-by": "evalcampaign"},
            },
            "data": {KEY: b64encode(token.encode()).decode()},
        }
        try:
            await self._api.request("POST", self._path(), body=body)
        except ClusterError as error:
            if error.status != 409:  # an earlier process made it, and died before it knew
                raise
            return await self.read(campaign_uid)
        return token

    async def delete(self, campaign_uid: str) -> None:
        """Deletes the Secret; one that is gone already is no error."""
        try:
            await self._api.request("DELETE", self._path(campaign_uid))
        except ClusterError as error:
            if error.status != 404:
                raise

    async def read(self, campaign_uid: str) -> str:
        """Returns the campaign's token. Raises ClusterError: 404 where there is none, 422 for one that is spoilt."""
        secret = await self._api.request("GET", self._path(campaign_uid))
        try:
            token = b64decode(secret["data"][KEY], validate=True).decode()
        except (KeyError, TypeError, ValueError):
            token = ""
        if len(token) < MIN_TOKEN_CHARACTERS:
            raise ClusterError(
                422, f"the Secret {secret_name(campaign_uid)} holds no token; delete it, and one is made"
            )
        return token

    def _path(self, campaign_uid: str | None = None) -> str:
        collection = f"/api/v1/namespaces/{self._namespace}/secrets"
        return f"{collection}/{secret_name(campaign_uid)}" if campaign_uid else collection


class CampaignTokens:
    """Keeps the registry and the Secrets in step."""

    def __init__(self, registry: TokenRegistry, secrets: TokenSecrets) -> None:
        self._registry = registry
        self._secrets = secrets

    async def issue(self, campaign_uid: str) -> None:
        """Accepts the campaign's token from now on, and creates it if there is none."""
        self._registry.register(await self._secrets.ensure(campaign_uid), campaign_uid)

    async def revoke(self, campaign_uid: str) -> None:
        """Rejects the campaign's token from now on, and deletes its Secret."""
        self._registry.forget(campaign_uid)
        await self._secrets.delete(campaign_uid)


class TokenExchange:
    """Gives a campaign's token to a caller who may change that campaign, but may not read every campaign's Secret.

    The caller writes the digest of a proof into an annotation of the campaign, and then presents the proof. Only
    somebody who may patch the campaign can write it; no credentials of the caller's are asked for, and the digest
    reveals nothing to whoever reads it. `api` belongs to whoever opened it.
    """

    def __init__(self, api: KubeApi, secrets: TokenSecrets) -> None:
        self._api = api
        self._secrets = secrets

    async def exchange(self, namespace: str, name: str, proof: str) -> str:
        """Returns the campaign's token.

        Raises InvalidProof, ClusterError (404 where the campaign has no token yet), ClusterUnreachable.
        """
        if not MIN_PROOF_CHARACTERS <= len(proof) <= MAX_PROOF_CHARACTERS:
            raise InvalidProof(f"the secret has {MIN_PROOF_CHARACTERS} to {MAX_PROOF_CHARACTERS} characters")
        if not CAMPAIGN_NAME.fullmatch(namespace) or not CAMPAIGN_NAME.fullmatch(name):
            raise InvalidProof("that is no name of a campaign")
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        # The controller may list campaigns, and needs no right to get one.
        listed = await self._api.request("GET", path, query={"fieldSelector": f"metadata.name={name}"})
        for each in listed["items"]:
            meta = each["metadata"]
            annotated = str((meta.get("annotations") or {}).get(ANNOTATION, ""))
            if meta["name"] == name and compare_digest(annotated.encode(), digest_of(proof).encode()):
                return await self._secrets.read(meta["uid"])
        # The text is the same whether or not there is such a campaign.
        raise InvalidProof(
            f"the annotation {ANNOTATION} of campaign {namespace}/{name} is not the digest of that secret"
        )


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
