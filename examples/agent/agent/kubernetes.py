"""The few requests to the Kubernetes API that the agent needs, with the rights of its ServiceAccount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from .web import client

LIMIT_SECONDS = 3.0
"""The limit of one request."""

Json = Any


class ApiRefused(Exception):
    """The API server refused the request. `message` is its own text."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class ApiUnreachable(Exception):
    """The API server did not answer."""


class Kubernetes:
    """A client. `account` is the folder with the token and the certificate; `kubectl proxy` needs neither.

    All methods raise ApiRefused and ApiUnreachable.
    """

    def __init__(self, url: str, account: Path) -> None:
        self._token_file = account / "token"
        authority = account / "ca.crt"
        self._client = client(url, LIMIT_SECONDS, authority if authority.exists() else None)

    async def pods(self, namespace: str) -> list[Json]:
        """Returns all pods of a namespace."""
        return list((await self._ask("GET", f"/api/v1/namespaces/{namespace}/pods"))["items"])

    async def statefulsets(self, namespace: str) -> list[Json]:
        """Returns all StatefulSets of a namespace."""
        return list((await self._ask("GET", f"/apis/apps/v1/namespaces/{namespace}/statefulsets"))["items"])

    async def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        """Deletes the pod with this name and uid. Does not wait for its end."""
        precondition = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        await self._ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", precondition)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: Json = None) -> Json:
        # The token is renewed in its file every hour or so.
        token = self._token_file.read_text().strip() if self._token_file.exists() else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
            answered = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ApiUnreachable(f"the Kubernetes API does not answer: {error!r}") from error
        if not answer.is_success:
            raise ApiRefused(answer.status_code, answered.get("reason", ""), answered.get("message", answer.text))
        return answered
