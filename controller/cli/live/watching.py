"""A watch on one campaign in a thread of its own, kept up for as long as it is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controller.cli.cluster.campaigns import Seen
from controller.cli.cluster.errors import CommandFailed, Refused

RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """One of: how the campaign is, that it is gone (None), or the trouble that keeps us from seeing it."""

    campaign: Seen | None = None
    trouble: str | None = None
    final: bool = False
    """Trouble that trying again will not end."""


class Watch:
    """`open` begins a watch on what is there now, and every change; it ends after a while, and is opened again."""

    def __init__(self, open: Callable[[], Iterator[Seen | None]]) -> None:
        self._open = open
        self._changes: queue.Queue[Change] = queue.Queue()
        # A daemon: it may be waiting for a server's next word when the command ends.
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, timeout: float) -> Change | None:
        """The next change; None when none comes within `timeout` seconds."""
        try:
            return self._changes.get(timeout=timeout)
        except queue.Empty:
            return None

    def _read(self) -> None:
        pause = threading.Event()
        while True:
            try:
                for campaign in self._open():
                    self._changes.put(Change(campaign))
            except Refused as refused:
                self._changes.put(Change(trouble=str(refused), final=True))
                return
            except CommandFailed as away:
                self._changes.put(Change(trouble=str(away)))
            pause.wait(RECONNECT_SECONDS)
