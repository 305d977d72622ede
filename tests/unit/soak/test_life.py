"""Which process of the controller there is, by its pods."""

from __future__ import annotations

from typing import Any

from tests.soak.killing import life_of


def pod(uid: str, made: str = "2031-05-04T12:00:00Z", restarts: int = 0, **state: Any) -> dict[str, Any]:
    container = {"restartCount": restarts, "ready": "running" in state, "state": state or {"running": {}}}
    meta = {"name": f"controller-{uid}", "uid": uid, "creationTimestamp": made}
    return {"metadata": meta, "status": {"containerStatuses": [container]}}


def test_a_restarted_container_is_another_life() -> None:
    before, after = life_of([pod("a", running={})]), life_of([pod("a", restarts=1, running={})])
    assert before and after and before.ready and after.ready
    assert before.number != after.number


def test_one_that_kubernetes_holds_back_is_told_from_one_that_starts() -> None:
    held = life_of([pod("a", waiting={"reason": "CrashLoopBackOff"})])
    starting = life_of([pod("a", waiting={"reason": "ContainerCreating"})])
    assert held and held.held_back and not held.ready
    assert starting and not starting.held_back and not starting.ready


def test_a_pod_that_goes_does_not_count_and_of_others_the_newest_does() -> None:
    going = pod("a", "2031-05-04T12:00:09Z", running={})
    going["metadata"]["deletionTimestamp"] = "2031-05-04T12:01:00Z"
    assert life_of([going]) is None
    found = life_of([going, pod("b"), pod("c", "2031-05-04T12:00:05Z")])
    assert found and found.uid == "c"


def test_a_pod_without_a_container_yet_is_no_life_that_works() -> None:
    bare = pod("a")
    bare["status"] = {}
    found = life_of([bare])
    assert found and not found.ready and found.restarts == 0
