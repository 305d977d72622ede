"""Commands, run so that a failure explains itself: the output goes to a log file, its end into the error.

Those that take long can be stopped from another thread (together.py).
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import SetupError, Stopped
from cluster.settings import LOGS

TAIL_LINES = 12
INTERRUPTED_SECONDS = 10.0


def logged(
    args: Sequence[str | Path],
    what: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    hint: str = "",
    stoppable: bool = True,
) -> None:
    """Run to the end with all output in a log file of its own. SetupError when it fails or cannot be found.

    Stopped when `stop_all` ends it, or came before it; not what must not be left half done or only tidies up, which
    is not `stoppable`.
    """
    log = new_log(what)
    try:
        with log.open("wb") as out, _lock:
            if _stopping.is_set() and stoppable:
                raise Stopped(f"{what} was stopped.")
            process = subprocess.Popen(
                [str(a) for a in args],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            if stoppable:
                _running.add(process)
    except FileNotFoundError as error:
        raise SetupError(f"{what} failed: {error.filename} is not installed.", hint=hint) from error
    try:
        code = _wait(process)
    finally:
        with _lock:
            _running.discard(process)
    if code == 0:
        return
    if _stopping.is_set() and stoppable:
        raise Stopped(f"{what} was stopped.", log=log)
    raise SetupError(f"{what} failed (exit {code}).", tail=tail(log), log=log, hint=hint)


_lock = threading.Lock()
_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit status. Ctrl-C at a terminal reaches the program too, which gets a moment to end, and is ended then."""
    try:
        return process.wait()
    except BaseException:
        try:
            process.wait(INTERRUPTED_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def stop_all(insist: bool = False) -> None:
    """Ask what `logged` runs in any thread to stop, and let it start nothing more until `may_go_on`."""
    with _lock:
        _stopping.set()
        for process in _running:
            # Some shells start what runs behind them deaf to an interrupt.
            _send(process, signal.SIGTERM if insist else signal.SIGINT)


def may_go_on() -> None:
    """What was stopped has ended; commands may be run again."""
    _stopping.clear()


def _send(process: subprocess.Popen[bytes], what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except PermissionError:
        # sudo belongs to root, and hands a signal on to what it runs.
        attempt(as_root(["sh", "-c", f"kill -{int(what)} {process.pid}"]))


def output(args: Sequence[str | Path], what: str, *, timeout: float = 120, hint: str = "") -> str:
    """Returns what a quick command prints, stripped. SetupError when it fails or takes longer than `timeout`
    seconds.
    """
    done = attempt(args, timeout=timeout)
    if done.returncode != 0:
        raise SetupError(f"{what} failed (exit {done.returncode}).", tail=last_lines(done.stderr), hint=hint)
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
    """The same command with root's rights. SetupError when we are not root and sudo is missing."""
    if os.geteuid() == 0:
        return list(args)
    if shutil.which("sudo") is None:
        raise SetupError(
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
    """Returns the last lines of a log file."""
    return last_lines(log.read_text(errors="replace"))


def last_lines(text: str, count: int = TAIL_LINES) -> str:
    """Returns the last `count` lines of a text."""
    return "\n".join(text.strip().splitlines()[-count:])
