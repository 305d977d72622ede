"""From the API's pod to the few fields that an oracle needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from subjects.cluster import Pod


def pod_from_json(raw: Mapping[str, Any]) -> Pod:
    """Cut down a v1.Pod as JSON."""
    meta, spec, status = raw["metadata"], raw["spec"], raw.get("status", {})
    containers = status.get("containerStatuses") or []
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        ready=conditions.get("Ready") == "True",
        deleting="deletionTimestamp" in meta,
        ip=status.get("podIP"),
        images={container["name"]: container["image"] for container in spec["containers"]},
        image_ids={container["name"]: container.get("imageID", "") for container in containers},
        restarts=sum(container.get("restartCount", 0) for container in containers),
        phase=status.get("phase", ""),
        node=spec.get("nodeName"),
    )
