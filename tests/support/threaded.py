"""The controller as its pod runs it, but in a thread: its event loop is its own, as Kopf wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from controller.__main__ import serve
from controller.settings import Settings
from subjects.protocol import SubjectFactory


class ThreadedController:
    """Started once, stopped once."""

    def __init__(self, settings: Settings, subjects: Mapping[str, SubjectFactory] | None) -> None:
        self._settings = settings
        self._subjects = subjects
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._died_of: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="controller")

    async def start(self) -> None:
        """Return when Kopf has begun its work. Raises what it died of."""
        self._thread.start()
        await asyncio.to_thread(self._ready.wait)
        self._complain()

    async def stop(self) -> None:
        """Raise the stop flag, as SIGTERM does, and return when the thread has ended."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)
        self._complain()

    def _run(self) -> None:
        try:
            asyncio.run(serve(self._settings, self._stop, self._ready, self._subjects))
        except BaseException as error:
            self._died_of = error
        finally:
            self._ready.set()  # or who waits for it would wait for ever

    def _complain(self) -> None:
        if self._died_of is not None:
            raise self._died_of
