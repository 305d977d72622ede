"""The controller's pod: which it is, a way to a port of it, and a command in it."""

from __future__ import annotations

import os
from typing import Any

import websocket
from kubernetes import client, stream

from controller.cli.cluster.api import Api, refusal
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable

NAMESPACE = os.environ.get("EVALCAMPAIGN_NAMESPACE", "") or "evalcampaign"
"""The controller's own, as the controller is told it too."""

ACCOUNT = "evalcampaign-controller"
SELECTOR = "app.kubernetes.io/name=evalcampaign-controller"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DEPLOY = "kubectl apply -k manifests/controller"


def find_pod(api: Api) -> str:
    """The name of the pod that runs. CommandFailed where there is none."""
    pods = api.get(PODS, labelSelector=SELECTOR)["items"]
    running = [pod for pod in pods if _runs(pod)]
    if running:
        return str(running[0]["metadata"]["name"])
    if pods:
        name, phase = pods[0]["metadata"]["name"], pods[0].get("status", {}).get("phase", "Unknown")
        raise CommandFailed(
            f"The controller's pod {name} is not Ready ({phase}): kubectl -n {NAMESPACE} describe pod {name}"
        )
    raise CommandFailed(f"There is no controller in namespace {NAMESPACE}: {DEPLOY}")


def forward(api: Api, pod: str, port: int) -> Any:
    """A connection to a port on the pod's own 127.0.0.1, through the API server: something like a socket.

    It takes the rights to get and to create `pods/portforward` there.
    """
    try:
        forwarding = stream.portforward(
            client.CoreV1Api(api.kube).connect_get_namespaced_pod_portforward, pod, NAMESPACE, ports=str(port)
        )
    except client.ApiException as error:
        raise websocket_refusal(error, "pods/portforward") from None
    return forwarding.socket(port)


def websocket_refusal(error: client.ApiException, right: str) -> CommandFailed:
    """What the API server said instead of opening a websocket.

    The `kubernetes` package hands on its text alone; the answer itself is in the exception that it came from.
    """
    handshake = error.__context__
    if not isinstance(handshake, websocket.WebSocketBadStatusException):
        words = " ".join(str(error.reason).split())
        return Unreachable(f"The API server opens no way to the controller's pod: {words}")
    refused = refusal(handshake.status_code, handshake.resp_body or b"")
    if handshake.status_code == 403:
        return Refused(403, f"{refused} (it takes get and create on {right} in namespace {NAMESPACE})")
    return refused


def _runs(pod: dict[str, Any]) -> bool:
    ready = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}.get("Ready")
    return ready == "True" and "deletionTimestamp" not in pod["metadata"]
