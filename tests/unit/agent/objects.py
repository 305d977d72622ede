"""What the Kubernetes API and PD say, as far as an outsider reads it."""

from __future__ import annotations

from typing import Any

Json = Any

STORES, PDS = ("tikv-0", "tikv-1", "tikv-2"), ("pd-0", "pd-1", "pd-2")
IMAGES = {"pd": "pingcap/pd:v8", "tikv": "pingcap/tikv:v8", "etcd": "etcd:3"}
PAUSE = "pause:3"


def statefulset(name: str, replicas: int = 3) -> Json:
    """Wants so many pods of its image."""
    containers = [{"name": name, "image": IMAGES[name]}]
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": containers}}},
    }


def pod(name: str, uid: str = "", ready: bool = True, image: str = "", terminating: bool = False) -> Json:
    """A pod, by default as its StatefulSet wants it."""
    workload = name.rpartition("-")[0]
    metadata = {"name": name, "uid": uid or f"uid-of-{name}"}
    if terminating:
        metadata["deletionTimestamp"] = "2031-05-04T12:00:00Z"
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": workload, "image": image or IMAGES[workload]}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"ready": ready, "restartCount": 0 if ready else 2}],
        },
    }


def store(name: str, state: str = "Up") -> Json:
    """A store as PD lists it."""
    address = f"{name}.tikv-peer.tikv.svc.cluster.local:20160"
    return {"store": {"id": int(name[-1]) + 1, "address": address, "state_name": state}}
