"""The few questions and the one deed that are asked of the Kubernetes API, with the rights of the pod's own account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from .web import client

LIMIT_SECONDS = 3.0
"""For one request."""

Json = Any


class Refused(Exception):
    """The API server said no. `message` is its own sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class Away(Exception):
    """The API server did not answer."""


class Kubernetes:
    """`account` is the folder with the token and the certificate; behind `kubectl proxy` there need be none.

    All methods raise Refused and Away.
    """

    def __init__(self, url: str, account: Path) -> None:
        self._token_file = account / "token"
        authority = account / "ca.crt"
        self._client = client(url, LIMIT_SECONDS, authority if authority.exists() else None)

    async def pods(self, namespace: str) -> list[Json]:
        """All pods."""
        return list((await self._ask("GET", f"/api/v1/namespaces/{namespace}/pods"))["items"])

    async def statefulsets(self, namespace: str) -> list[Json]:
        """All StatefulSets."""
        return list((await self._ask("GET", f"/apis/apps/v1/namespaces/{namespace}/statefulsets"))["items"])

    async def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        """Ask for the end of exactly this pod; does not wait for it."""
        precondition = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        await self._ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", precondition)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: Json = None) -> Json:
        # The token is renewed in its file every hour or so.
        token = self._token_file.read_text().strip() if self._token_file.exists() else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Away(f"the Kubernetes API does not answer: {error!r}") from error
        if not answer.is_success:
            raise Refused(answer.status_code, told.get("reason", ""), told.get("message", answer.text))
        return told
