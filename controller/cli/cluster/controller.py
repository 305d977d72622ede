"""The controller's pod: which it is, a way to a port of it, and a command in it."""

from __future__ import annotations

import json
import re
from typing import Any

from kubernetes import client, stream

from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable

NAMESPACE = "evalcampaign"
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
    """What the API server said instead of opening a websocket; the client has it in the middle of its own words."""
    text = str(error.reason)
    status = re.search(r"Handshake status (\d+)", text)
    if status is None:
        return Unreachable(f"The API server opens no way to the controller's pod: {' '.join(text.split())}")
    said = re.search(r"\{\"kind\":\"Status\".*\}", text)
    message = json.loads(said[0].replace("\\'", "'").replace('\\\\"', '\\"'))["message"] if said else text[:200]
    if status[1] in ("401", "403"):
        message += f" (it takes get and create on {right} in namespace {NAMESPACE})"
    return Refused(int(status[1]), f"The API server refused: {message}")


def _runs(pod: dict[str, Any]) -> bool:
    ready = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}.get("Ready")
    return ready == "True" and "deletionTimestamp" not in pod["metadata"]
