"""What a person sees while they wait: every stage by name, that it lives, how long it took; and all of them at the end.

Stages may run side by side: what is shown is then shown of all.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from cluster.errors import Stopped
from cluster.settings import VIRTUALENV_SECONDS

console = Console(stderr=True, highlight=False)

HEARTBEAT_SECONDS = 30.0
TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Done:
    """A stage that has ended: when it began, in seconds of the monotonic clock, and how many seconds it took."""

    name: str
    began: float
    seconds: float


_done: list[Done] = (
    [Done("virtualenv", time.monotonic() - VIRTUALENV_SECONDS, VIRTUALENV_SECONDS)] if VIRTUALENV_SECONDS else []
)
"""All stages of this process, whoever began them, in the order of their ends."""


class Stages:
    """Numbers the stages of one run. `total` may be set once it is known; until then only the number is shown."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.count = 0
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show `name` with its elapsed time, live on a terminal, as a line every half minute elsewhere."""
        with self._lock:
            self.count += 1
            label = f"[{self.count}/{self.total}] {name}" if self.total else f"[{self.count}] {name}"
        started = time.monotonic()
        shown = _display.begin(label, started)
        ended = "failed after"
        try:
            yield
            ended = "..."
        except (Stopped, KeyboardInterrupt):
            ended = "stopped after"
            raise
        finally:
            _display.end(shown)
            seconds = time.monotonic() - started
            _done.append(Done(name, started, seconds))
            console.print(f"{label} {ended} {seconds:.0f} s", markup=False, soft_wrap=True)


class _Display:
    """One line for all that runs: a terminal can show only one such line at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, tuple[str, float]] = {}
        self._count = 0
        self._idle = threading.Event()
        self._ticker: threading.Thread | None = None

    def begin(self, label: str, started: float) -> int:
        """Show it until `end` is called with the number that is returned."""
        with self._lock:
            self._count += 1
            self._running[self._count] = (label, started)
            if self._ticker is None:
                self._idle.clear()
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
            return self._count

    def end(self, number: int) -> None:
        with self._lock:
            del self._running[number]
            if self._running or self._ticker is None:
                return
            ticker, self._ticker = self._ticker, None
            self._idle.set()
            # Still under the lock: the line of this ticker is gone before another begins one.
            ticker.join()

    def _tick(self) -> None:
        if console.is_terminal:
            with console.status("") as status:
                while not self._idle.wait(TICK_SECONDS):
                    # The labels have brackets of their own, which rich would take for markup.
                    status.update("\n  ".join(self._lines()).replace("[", r"\["))
            return
        beats: dict[int, int] = {}
        while not self._idle.wait(TICK_SECONDS):
            for number, (label, started) in list(self._running.items()):
                beat = int((time.monotonic() - started) / HEARTBEAT_SECONDS)
                if beat > beats.get(number, 0):
                    beats[number] = beat
                    seconds = beat * HEARTBEAT_SECONDS
                    console.print(f"{label} ... {seconds:.0f} s so far", markup=False, soft_wrap=True)

    def _lines(self) -> list[str]:
        now = time.monotonic()
        return [f"{label} ... {now - started:.0f} s" for label, started in list(self._running.values())]


_display = _Display()


def note(text: str) -> None:
    """A line that belongs to no stage."""
    console.print(text, markup=False, soft_wrap=True)


def note_times() -> None:
    """The stages of this process so far with their times, when there were any that took a second."""
    if any(done.seconds >= 1 for done in _done):
        note("\n" + table(_done))


def table(stages: Sequence[Done]) -> str:
    """Returns when each began after the first, and how long it took, in minutes and seconds. Pure."""
    ordered = sorted(stages, key=lambda done: done.began)
    zero = ordered[0].began if ordered else 0.0
    rows = [(clock(done.began - zero), clock(done.seconds), done.name) for done in ordered]
    return "\n".join(f"{began:>7}  {took:>7}  {name}" for began, took, name in [("BEGAN", "TOOK", "STAGE"), *rows])


def clock(seconds: float) -> str:
    """125.4 as 2:05."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"
