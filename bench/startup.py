"""How long a person waits for `evalcampaign --help`, and how much of that is for the libraries that format it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

HELP = ["-m", "controller.cli", "--help"]
LIBRARIES = ["-c", "import typer.rich_utils"]


@dataclass(frozen=True)
class Startup:
    """Seconds of wall time, the median of several processes each."""

    help: float
    libraries: float


def measure(times: int) -> Startup:
    """Start each so many times, in turns; the first of each only warms the caches."""
    taken = [(_seconds(HELP), _seconds(LIBRARIES)) for _ in range(times + 1)][1:]
    shown, imported = zip(*taken, strict=True)
    return Startup(statistics.median(shown), statistics.median(imported))


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
