"""A system that is broken, seen from outside: not with the oracle's eyes, but with kubectl's."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cluster import kubectl


def image(pod: Any) -> str:
    """What a pod is asked to run."""
    return str(pod["spec"]["containers"][0]["image"])


def ready(pod: Any) -> bool:
    """Whether it is Ready and stays."""
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def member(pod: Any) -> bool:
    """Whether a StatefulSet made it; whatever else runs in the namespace is no member."""
    return any(owner["kind"] == "StatefulSet" for owner in pod["metadata"].get("ownerReferences", ()))


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
        if not member(pod):
            return
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


class Subject(ABC):
    """StatefulSets of three members each, in a namespace of their own. `type` is what campaigns call it."""

    type: str
    namespace: str
    workloads: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """The pods there should be."""
        return tuple(f"{workload}-{ordinal}" for workload in self.workloads for ordinal in range(3))

    def pods(self) -> dict[str, Any]:
        """Its pods by name."""
        listed = kubectl.ask_json("reading pods", "-n", self.namespace, "get", "pods")
        return {pod["metadata"]["name"]: pod for pod in listed["items"] if member(pod)}

    def template_image(self, workload: str) -> str:
        """What every member of a StatefulSet should run."""
        path = "jsonpath={.spec.template.spec.containers[0].image}"
        return kubectl.ask(f"reading {workload}", "-n", self.namespace, "get", "statefulset", workload, "-o", path)

    def trouble(self) -> list[str]:
        """What keeps it from being healthy: pods missing, going, not Ready or changed, and what its members say."""
        found = self.pods()
        wanted = {workload: self.template_image(workload) for workload in self.workloads}
        told = [f"{name} is missing" for name in self.members if name not in found]
        for name, pod in found.items():
            if not ready(pod):
                told.append(f"{name} is not Ready")
            elif image(pod) != wanted[name.rpartition("-")[0]]:
                told.append(f"{name} has the image {image(pod)}")
        return told or self.complaints()

    @abstractmethod
    def complaints(self) -> list[str]:
        """What the members themselves say is wrong."""

    def raw(self, pod: str, port: int, path: str) -> str:
        """The answer of a pod's own HTTP port, or why there is none."""
        answer = kubectl.attempt("get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}")
        return answer.stdout or answer.stderr

    def wait_until_healthy(self, seconds: float = 300) -> None:
        """Return when nothing is wrong with it. AssertionError when that does not come."""
        deadline = time.monotonic() + seconds
        while told := self.trouble():
            assert time.monotonic() < deadline, told
            time.sleep(0.5)

    @contextmanager
    def watched(self) -> Iterator[History]:
        """Every change of the pods for as long as the block lasts, by a real watch."""
        history = History()
        path = f"/api/v1/namespaces/{self.namespace}/pods?watch=true&timeoutSeconds=3600"
        watch = kubectl.command("get", "--raw", path)
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
