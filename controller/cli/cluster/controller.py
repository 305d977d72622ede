"""The controller's pod: which it is, a way to a port of it, and a command in it."""

from __future__ import annotations

import os
from typing import Any

from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed
from controller.cli.cluster.websockets import open_websocket

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
    from kubernetes.stream import ws_client

    query = [("ports", str(port))]
    opened = open_websocket(api, f"{PODS}/{pod}/portforward", query, "pods/portforward", NAMESPACE)
    return ws_client.PortForward(opened, [port]).socket(port)


def _runs(pod: dict[str, Any]) -> bool:
    ready = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}.get("Ready")
    return ready == "True" and "deletionTimestamp" not in pod["metadata"]
