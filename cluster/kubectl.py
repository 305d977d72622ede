"""kubectl against our own cluster, whatever the user's current context is."""

import json
import subprocess
from pathlib import Path
from typing import Any

from cluster import run, tools
from cluster.settings import CONTEXT


def command(*args: str | Path) -> list[str | Path]:
    """The words of a call."""
    return [tools.binary("kubectl"), "--context", CONTEXT, *args]


def do(what: str, *args: str | Path, hint: str = "") -> None:
    """Run to the end, the output in a log. SetupError, with the end of that output, when it fails."""
    run.logged(command(*args), what, hint=hint)


def remove(what: str, *target: str | Path) -> None:
    """Delete and wait until it is gone; nothing there is fine. SetupError when it stays."""
    do(f"removing {what}", "delete", *target, "--ignore-not-found", "--timeout=180s")


def ask(what: str, *args: str | Path, timeout: float = 120) -> str:
    """Returns what it prints, stripped. SetupError when it fails."""
    return run.output(command(*args), what, timeout=timeout)


def ask_json(what: str, *args: str | Path) -> Any:
    """The parsed answer of `-o json`."""
    return json.loads(ask(what, *args, "-o", "json"))


def attempt(*args: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """A call whose failure is an answer."""
    return run.attempt(command(*args), timeout=timeout)
