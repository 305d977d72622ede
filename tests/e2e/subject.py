"""The etcd that is broken, seen from outside: not with the oracle's eyes, but with kubectl's."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cluster import kubectl

MEMBERS = ("etcd-0", "etcd-1", "etcd-2")


def pods() -> dict[str, Any]:
    """Its pods by name."""
    listed = kubectl.ask_json("reading pods", "-n", "etcd", "get", "pods", "-l", "app.kubernetes.io/name=etcd")
    return {pod["metadata"]["name"]: pod for pod in listed["items"]}


def template_image() -> str:
    """What every member should run."""
    path = "jsonpath={.spec.template.spec.containers[0].image}"
    return kubectl.ask("reading the StatefulSet", "-n", "etcd", "get", "statefulset", "etcd", "-o", path)


def image(pod: Any) -> str:
    """What a pod is asked to run."""
    return str(pod["spec"]["containers"][0]["image"])


def trouble() -> list[str]:
    """What keeps it from being whole: pods missing, going, not Ready or changed, members that do not answer."""
    found, wanted = pods(), template_image()
    told = [f"{name} is missing" for name in MEMBERS if name not in found]
    for name, pod in found.items():
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
        if conditions.get("Ready") != "True" or "deletionTimestamp" in pod["metadata"]:
            told.append(f"{name} is not Ready")
        elif image(pod) != wanted:
            told.append(f"{name} has the image {image(pod)}")
        elif '"true"' not in (health := _health(name)):
            told.append(f"{name} says {health}")
    return told


def _health(name: str) -> str:
    answer = kubectl.attempt("get", "--raw", f"/api/v1/namespaces/etcd/pods/{name}:2379/proxy/health")
    return answer.stdout or answer.stderr


def wait_whole(seconds: float = 60) -> None:
    """Return when nothing is wrong with it. AssertionError when that does not come."""
    deadline = time.monotonic() + seconds
    while told := trouble():
        assert time.monotonic() < deadline, told
        time.sleep(0.5)


@dataclass(frozen=True)
class Replaced:
    """A pod of this name went, and another came."""

    name: str
    uid: str


@dataclass(frozen=True)
class Swapped:
    """A pod was given another image in place."""

    name: str
    uid: str
    image: str


@dataclass
class History:
    """All that happened to its pods, in order; `raw` holds every version of every pod that was seen."""

    replaced: list[Replaced] = field(default_factory=list)
    swapped: list[Swapped] = field(default_factory=list)
    deletion_times: dict[str, datetime] = field(default_factory=dict)
    """By pod uid: when the deletion was asked for."""
    raw: list[Any] = field(default_factory=list)
    _seen: dict[str, Any] = field(default_factory=dict)

    def take(self, kind: str, pod: Any) -> None:
        """One event of the watch."""
        self.raw.append(pod)
        meta = pod["metadata"]
        name, uid = meta["name"], meta["uid"]
        if until := meta.get("deletionTimestamp"):
            # Kubernetes writes when the pod's grace will be over.
            grace = meta.get("deletionGracePeriodSeconds", 0)
            asked = datetime.fromisoformat(until).timestamp() - grace
            self.deletion_times.setdefault(uid, datetime.fromtimestamp(asked, UTC))
        before = self._seen.get(name)
        if before is not None and before["metadata"]["uid"] != uid:
            self.replaced.append(Replaced(name, before["metadata"]["uid"]))
        elif before is not None and image(before) != image(pod):
            self.swapped.append(Swapped(name, uid, image(pod)))
        if kind != "DELETED":
            self._seen[name] = pod


@contextmanager
def watched() -> Iterator[History]:
    """Every change of the pods for as long as the block lasts, by a real watch."""
    history = History()
    watch = kubectl.command("get", "--raw", "/api/v1/namespaces/etcd/pods?watch=true&timeoutSeconds=3600")
    with subprocess.Popen(list(map(str, watch)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout

        def read() -> None:
            for line in lines:
                event = json.loads(line)
                history.take(event["type"], event["object"])

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield history
        finally:
            process.terminate()
            reader.join()
