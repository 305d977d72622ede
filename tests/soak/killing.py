"""Killing the controller's process in the cluster, from the node, and waiting until there is another.

Not by deleting its pod: that would tell it, however forcibly it is done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster import kind, kubectl, run

NAMESPACE = "evalcampaign"
SELECTOR = "app.kubernetes.io/name=evalcampaign-controller"
PROCESS = "python3 -m controller"
BACK_SECONDS = 180.0


@dataclass(frozen=True)
class Life:
    """The controller's process: which one it is, whether it works, and whether Kubernetes holds the next one back."""

    pod: str
    uid: str
    restarts: int
    ready: bool
    held_back: bool

    @property
    def number(self) -> tuple[str, int]:
        """What no other process has."""
        return self.uid, self.restarts


def life_of(pods: Sequence[Any]) -> Life | None:
    """The newest pod's process, of pods as the API has them; None while there is none. Pure."""
    staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    if not staying:
        return None
    pod = max(staying, key=lambda each: each["metadata"]["creationTimestamp"])
    [container] = pod["status"].get("containerStatuses") or [{}]
    waits = container.get("state", {}).get("waiting", {}).get("reason")
    return Life(
        pod=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        restarts=container.get("restartCount", 0),
        ready=bool(container.get("ready")) and "running" in container.get("state", {}),
        held_back=waits == "CrashLoopBackOff",
    )


def current() -> Life | None:
    """The process as it is now."""
    listed = kubectl.ask_json("looking at the controller", "-n", NAMESPACE, "get", "pods", "-l", SELECTOR)
    return life_of(listed["items"])


def kill() -> None:
    """SIGKILL, now. ClusterError where there was nothing to kill."""
    run.output(["docker", "exec", kind.NODE, "pkill", "-KILL", "-f", PROCESS], "killing the controller")


def await_another(than: Life) -> float:
    """Return when another process works, with how many seconds that took. AssertionError where none comes.

    The kubelet would wait longer after each kill, up to five minutes. A pod whose process it holds back is deleted: its
    process is dead, so nobody hears of it, and the next pod starts at once.
    """
    begun = time.monotonic()
    deadline = begun + BACK_SECONDS
    while (life := current()) is None or not life.ready or life.number == than.number:
        assert time.monotonic() < deadline, f"no controller came back: {life}"
        if life is not None and life.held_back:
            kubectl.attempt("-n", NAMESPACE, "delete", "pod", life.pod, "--wait=false")
        time.sleep(0.5)
    return time.monotonic() - begun
