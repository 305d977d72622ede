"""What a person sees while they wait: every stage by name, that it lives, and how long it took."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

console = Console(stderr=True, highlight=False)

HEARTBEAT_SECONDS = 30.0


class Stages:
    """Numbers the stages of one run. `total` may be set once it is known; until then only the number is shown."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.count = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show `name` with its elapsed time, live on a terminal, as a line every half minute elsewhere."""
        self.count += 1
        label = f"[{self.count}/{self.total}] {name}" if self.total else f"[{self.count}] {name}"
        started = time.monotonic()
        stop = threading.Event()
        ticker = threading.Thread(target=_tick, args=(label, started, stop), daemon=True)
        ticker.start()
        ended = "failed after"
        try:
            yield
            ended = "..."
        finally:
            stop.set()
            ticker.join()
            console.print(f"{label} {ended} {time.monotonic() - started:.0f} s", markup=False, soft_wrap=True)


def _tick(label: str, started: float, stop: threading.Event) -> None:
    if not console.is_terminal:
        while not stop.wait(HEARTBEAT_SECONDS):
            console.print(f"{label} ... {time.monotonic() - started:.0f} s so far", markup=False, soft_wrap=True)
        return
    with console.status("") as status:
        while not stop.wait(0.5):
            # The label has brackets of its own, which rich would take for markup.
            status.update(f"{label} ... {time.monotonic() - started:.0f} s".replace("[", r"\["))


def note(text: str) -> None:
    """A line that belongs to no stage."""
    console.print(text, markup=False, soft_wrap=True)
