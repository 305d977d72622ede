"""A watch on the campaigns of one namespace of the test cluster, kept up for as long as it is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster.settings import CONTEXT
from controller.api import GROUP, PLURAL, VERSION
from controller.cli.cluster.api import Api
from controller.cli.cluster.campaigns import CampaignSnapshot, snapshot
from controller.cli.cluster.errors import CommandFailed

RECONNECT_SECONDS = 1.0

WATCH_SECONDS = 2
"""After this time the server ends a watch, and a new one begins. Leaving a watch takes as long."""

SILENT_SECONDS = 30.0
"""A connection that is silent for longer than any watch lasts is dead."""


class NamespaceWatch:
    """Watches all campaigns of a namespace in a thread."""

    def __init__(self, namespace: str, api: Api | None = None) -> None:
        self._api = api or Api.connect(CONTEXT)
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ending = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def next(self, timeout: float) -> CampaignSnapshot | None:
        """The next change; None when none comes within `timeout` seconds. Deletions are not reported."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        return snapshot(event["object"]) if event["type"] in ("ADDED", "MODIFIED") else None

    def close(self) -> None:
        """End it, within WATCH_SECONDS."""
        self._ending.set()
        self._reader.join()

    def _read(self) -> None:
        # Each watch begins with all campaigns that exist.
        while not self._ending.is_set():
            try:
                for event in self._api.watch(self._path, {"timeoutSeconds": str(WATCH_SECONDS)}, SILENT_SECONDS):
                    self._events.put(event)
            except CommandFailed:
                self._ending.wait(RECONNECT_SECONDS)


@contextmanager
def watching(namespace: str) -> Iterator[NamespaceWatch]:
    """A watch for as long as the block lasts."""
    watch = NamespaceWatch(namespace)
    try:
        yield watch
    finally:
        watch.close()
