"""Who may send: whoever has a campaign's token. The controller keeps only their digests.

A token is made once a campaign and lives in a Secret of the controller's own namespace, from which its owner hands it
to the agent; after a restart it is read from there again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from secrets import token_urlsafe

from controller.kube import KubeApi
from controller.tokens import secret_name
from subjects.cluster import ClusterError

KEY = "token"

FEWEST_CHARACTERS = 16
"""Of a token that somebody else put into the Secret: an empty one would let everybody send."""


class TokenBook:
    """Which campaign a token is for."""

    def __init__(self) -> None:
        self._campaigns: dict[bytes, str] = {}

    def register(self, token: str, campaign_uid: str) -> None:
        """From now on this token sends for this campaign."""
        self._campaigns[_digest(token)] = campaign_uid

    def forget(self, campaign_uid: str) -> None:
        """Nobody sends for this campaign any more."""
        self._campaigns = {digest: uid for digest, uid in self._campaigns.items() if uid != campaign_uid}

    def campaign_of(self, token: str) -> str | None:
        """The campaign; None for a token that is no one's. How long it takes tells nothing: digests are looked up."""
        return self._campaigns.get(_digest(token))


class TokenSecrets:
    """Makes, reads and deletes the Secrets."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def ensure(self, campaign_uid: str) -> str:
        """The campaign's token, made if there is none. Raises ClusterError where it may not be, or is spoilt."""
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

    async def drop(self, campaign_uid: str) -> None:
        """Delete it; one that is gone already is no error."""
        try:
            await self._api.request("DELETE", self._path(campaign_uid))
        except ClusterError as error:
            if error.status != 404:
                raise

    async def read(self, campaign_uid: str) -> str:
        """The campaign's token. Raises ClusterError: 404 where there is none, 422 for one that is spoilt."""
        secret = await self._api.request("GET", self._path(campaign_uid))
        try:
            token = b64decode(secret["data"][KEY], validate=True).decode()
        except (KeyError, TypeError, ValueError):
            token = ""
        if len(token) < FEWEST_CHARACTERS:
            raise ClusterError(
                422, f"the Secret {secret_name(campaign_uid)} holds no token; delete it, and one is made"
            )
        return token

    def _path(self, campaign_uid: str | None = None) -> str:
        collection = f"/api/v1/namespaces/{self._namespace}/secrets"
        return f"{collection}/{secret_name(campaign_uid)}" if campaign_uid else collection


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
