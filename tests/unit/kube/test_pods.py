"""From the API's pod to the few fields that an oracle needs."""

from __future__ import annotations

from controller.kube.pods import pod_from_json
from tests.unit.kube.server import pod


def test_a_running_pod_is_cut_down_to_what_matters() -> None:
    raw = pod("etcd-0", uid="u-1")
    raw["spec"] |= {"nodeName": "node-1", "containers": [{"name": "etcd", "image": "etcd:3"}]}
    raw["status"] = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "etcd", "imageID": "sha256:1", "restartCount": 2}],
    }
    made = pod_from_json(raw)
    assert (made.name, made.uid, made.ready, made.deleting) == ("etcd-0", "u-1", True, False)
    assert (made.ip, made.restarts, made.phase, made.node) == ("10.0.0.7", 2, "Running", "node-1")
    assert (made.images, made.image_ids) == ({"etcd": "etcd:3"}, {"etcd": "sha256:1"})


def test_a_pod_that_nobody_has_looked_at_yet_is_neither_ready_nor_addressed() -> None:
    raw = pod("etcd-0")
    del raw["status"]
    made = pod_from_json(raw)
    assert (made.ready, made.ip, made.restarts, made.phase, made.node) == (False, None, 0, "", None)


def test_empty_lists_may_come_as_null() -> None:
    raw = pod("etcd-0")
    raw["status"] = {"conditions": None, "containerStatuses": None}
    assert pod_from_json(raw).ready is False


def test_a_pod_that_is_being_deleted_says_so() -> None:
    raw = pod("etcd-0")
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_from_json(raw).deleting
