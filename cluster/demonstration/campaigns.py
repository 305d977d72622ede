"""Campaigns as kubectl sees them, change by change."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster import kubectl, run
from cluster.settings import CONTEXT
from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignStatus, Phase
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed

RECONNECT_SECONDS = 1.0

WATCH_SECONDS = 2
"""After so long the server ends a watch, and a new one begins: so long does it take to leave one."""

SILENT_SECONDS = 30.0
"""A connection that is silent for longer than any watch lasts has died without a word."""


@dataclass(frozen=True)
class Seen:
    """A campaign at one instant."""

    name: str
    uid: str
    trials: int
    status: CampaignStatus


def names_in(file: Path) -> list[str]:
    """The campaigns that a manifest describes."""
    documents = yaml.safe_load_all(file.read_text())
    return [each["metadata"]["name"] for each in documents if each and each["kind"] == KIND]


def seen(raw: dict[str, Any]) -> Seen:
    """From the API's object; one that the controller has not looked at yet is Pending. Pure."""
    status = raw.get("status") or {}
    return Seen(
        name=raw["metadata"]["name"],
        uid=raw["metadata"]["uid"],
        trials=raw["spec"]["trials"],
        status=CampaignStatus.model_validate(status) if status else CampaignStatus(phase=Phase.PENDING),
    )


class Watch:
    """A watch on the campaigns of one namespace of our own cluster, kept up for as long as it is used."""

    def __init__(self, namespace: str, api: Api | None = None) -> None:
        self._api = api or Api.connect(CONTEXT)
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ending = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def next(self, timeout: float) -> Seen | None:
        """The next change; None when none comes within `timeout` seconds. What was deleted is not reported."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        return seen(event["object"]) if event["type"] in ("ADDED", "MODIFIED") else None

    def close(self) -> None:
        """End it, within WATCH_SECONDS."""
        self._ending.set()
        self._reader.join()

    def _read(self) -> None:
        # Each watch begins with all that there is.
        while not self._ending.is_set():
            try:
                for event in self._api.watch(self._path, {"timeoutSeconds": str(WATCH_SECONDS)}, SILENT_SECONDS):
                    self._events.put(event)
            except CommandFailed:
                self._ending.wait(RECONNECT_SECONDS)


@contextmanager
def watching(namespace: str) -> Iterator[Watch]:
    """A watch for as long as the block lasts."""
    watch = Watch(namespace)
    try:
        yield watch
    finally:
        watch.close()


def existing(names: list[str], namespace: str) -> list[str]:
    """Those of the names that are there."""
    listed = kubectl.ask("looking for campaigns", "-n", namespace, "get", PLURAL, "-o", "name")
    there = {line.partition("/")[2] for line in listed.splitlines()}
    return [name for name in names if name in there]


def delete(names: list[str], namespace: str, limit_seconds: int = 180) -> None:
    """Delete them and wait until the controller has let them go."""
    run.logged(
        kubectl.command("-n", namespace, "delete", PLURAL, *names, f"--timeout={limit_seconds}s"),
        "deleting earlier campaigns",
        hint="the controller lets them go: kubectl -n evalcampaign logs deploy/evalcampaign-controller",
    )
