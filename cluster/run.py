"""Commands, run so that a failure explains itself: the output goes to a log file, its end into the error."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import ClusterError
from cluster.settings import LOGS

TAIL_LINES = 12


def logged(
    args: Sequence[str | Path],
    what: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    hint: str = "",
) -> None:
    """Run to the end with all output in a log file of its own. ClusterError when it fails or cannot be found."""
    log = new_log(what)
    try:
        with log.open("wb") as out:
            done = subprocess.run(
                [str(a) for a in args],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
    except FileNotFoundError as error:
        raise ClusterError(f"{what} failed: {error.filename} is not installed.", hint=hint) from error
    if done.returncode != 0:
        raise ClusterError(f"{what} failed (exit {done.returncode}).", tail=tail(log), log=log, hint=hint)


def output(args: Sequence[str | Path], what: str, *, timeout: float = 120, hint: str = "") -> str:
    """What a quick command prints, stripped. ClusterError when it fails or takes longer than `timeout` seconds."""
    done = attempt(args, timeout=timeout)
    if done.returncode != 0:
        raise ClusterError(f"{what} failed (exit {done.returncode}).", tail=last_lines(done.stderr), hint=hint)
    return done.stdout.strip()


def attempt(args: Sequence[str | Path], *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure is an answer: never raises; 124 stands for too slow, 127 for not installed."""
    words = [str(a) for a in args]
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"no answer within {timeout:g} s")
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"{words[0]} is not installed")


def as_root(args: Sequence[str | Path]) -> list[str | Path]:
    """The same command with root's rights. ClusterError when we are not root and sudo is missing."""
    if os.geteuid() == 0:
        return list(args)
    if shutil.which("sudo") is None:
        raise ClusterError(
            f"`{args[0]}` needs root, and there is no sudo.",
            hint="run this as root, or start a Docker engine that your user may use.",
        )
    return ["sudo", *args]


def new_log(what: str) -> Path:
    """A fresh file under the cache folder, named by what happens."""
    LOGS.mkdir(parents=True, exist_ok=True)
    slug = "".join(c if c.isalnum() or c in ".-" else "-" for c in what.lower())
    return LOGS / f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}-{os.getpid()}.log"


def tail(log: Path) -> str:
    return last_lines(log.read_text(errors="replace"))


def last_lines(text: str, count: int = TAIL_LINES) -> str:
    return "\n".join(text.strip().splitlines()[-count:])
