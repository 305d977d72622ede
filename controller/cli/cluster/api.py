"""One request to the API server, with the person's own credentials; every trouble is a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from kubernetes import client, config

from controller.cli.cluster.errors import NoCluster, Refused, Unreachable

REQUEST_SECONDS = 30.0

Json = Any


class Api:
    """An API server. `context` is how kubeconfig calls it, `namespace` where campaigns live unless told otherwise."""

    def __init__(self, kube: client.ApiClient, context: str, namespace: str) -> None:
        self.kube = kube
        self.context = context
        self.namespace = namespace

    @classmethod
    def connect(cls, context: str | None = None) -> Api:
        """By kubeconfig, as kubectl finds it; without one, and inside a pod, with the pod's account. Else NoCluster."""
        settings = client.Configuration()
        settings.retries = False
        try:
            if _only_inside():
                config.load_incluster_config(client_configuration=settings)
                return cls(client.ApiClient(settings), "(in cluster)", "default")
            # Named outright: the package looks at the environment only once, when it is imported.
            file = os.environ.get("KUBECONFIG") or config.KUBE_CONFIG_DEFAULT_LOCATION
            config.load_kube_config(file, context=context, client_configuration=settings)
            contexts, current = config.list_kube_config_contexts(file)
        except (config.ConfigException, OSError, ValueError) as error:
            raise NoCluster(f"There is no cluster to ask: {' '.join(str(error).split()).rstrip('.')}") from None
        chosen = next((each for each in contexts if each["name"] == context), current)
        return cls(client.ApiClient(settings), chosen["name"], chosen["context"].get("namespace") or "default")

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.kube.configuration.host)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request and return the decoded answer. Raises Refused or Unreachable."""
        with self._sent(method, path, query, body, content_type, REQUEST_SECONDS) as response:
            raw = response.data
        try:
            answer = json.loads(raw)
        except ValueError:
            raise Unreachable(f"What answers at {self.url} is no API server of Kubernetes") from None
        return answer if isinstance(answer, dict) else {"value": answer}

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The object or list at a path."""
        return self.request("GET", path, query=query)

    def watch(self, path: str, query: Mapping[str, str], silent_seconds: float) -> Iterator[dict[str, Any]]:
        """The events of a watch, until the server ends it. Unreachable where nothing at all comes for so long."""
        limits = (REQUEST_SECONDS, silent_seconds)
        with self._sent("GET", path, {**query, "watch": "true"}, None, "application/json", limits) as response:
            rest = b""
            for chunk in response.stream(None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)

    @contextmanager
    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Json,
        content_type: str,
        seconds: float | tuple[float, float],
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        try:
            _, url, headers, _, _ = self.kube.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Content-Type": content_type, "Accept": "application/json"},
                auth_settings=["BearerToken"],
            )
            answer = self.kube.rest_client.request(method, url, headers=headers, body=body, _request_timeout=seconds)
            response = answer.response
            try:
                if response.status >= 400:
                    raise refusal(response.status, response.data)
                yield response
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise Unreachable(f"The API server at {self.url} does not answer: {_words(error)}") from error


def _only_inside() -> bool:
    """Whether there is no kubeconfig and we are in a pod; kubectl decides alike."""
    file = os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    return "KUBERNETES_SERVICE_HOST" in os.environ and not any(map(os.path.exists, file.split(os.pathsep)))


def refusal(status: int, raw: bytes) -> Refused | Unreachable:
    """What an answer that is none says."""
    try:
        said = json.loads(raw)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {}
    message = said.get("message") or " ".join(raw[:300].decode(errors="replace").split()) or f"HTTP {status}"
    if status >= 500 or status == 429:
        return Unreachable(f"The API server cannot serve this now (HTTP {status}): {message}")
    if status == 401:
        return Refused(status, "The API server does not know you (HTTP 401): log in again, or choose another --context")
    return Refused(status, f"The API server refused: {message}", named=bool((said.get("details") or {}).get("name")))


def _words(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return " ".join(str(reason or error or type(error).__name__).split())
