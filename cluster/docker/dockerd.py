"""A Docker engine of our own: started by hand, remembered, and stopped to the last process.

By hand rather than as a service, because the machines where none runs (containers, small virtual machines) mostly have
no systemd either. Which process is ours is remembered by identity, not by pid: see processes.py.
"""

import grp
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cluster import fingerprint, run
from cluster.docker import capabilities, processes
from cluster.errors import SetupError
from cluster.settings import CACHE, LOGS, REPO

FOLDER = CACHE / "engine"
OURS = FOLDER / "identity"
PIDFILE = FOLDER / "dockerd.pid"
CONTAINERD = Path("/var/run/docker/containerd")

START_SECONDS = 180.0
STOP_SECONDS = 40.0
DYING_SECONDS = 3.0


def ours() -> bool:
    """Returns whether the engine that we started is alive."""
    return OURS.exists() and processes.alive(OURS.read_text())


def killed() -> bool:
    """Returns whether we started one that has gone without `stop`."""
    return OURS.exists() and not processes.alive(OURS.read_text())


def program() -> str | None:
    """Returns where dockerd is; None when it is not installed. A user's PATH mostly lacks the folder it is in."""
    return shutil.which("dockerd", path=_path())


def start(answers: Callable[[], bool]) -> None:
    """Start one, and remember it. SetupError when it ends or does not answer in START_SECONDS."""
    _clear_stale()
    FOLDER.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "dockerd.log"
    group = grp.getgrgid(os.getgid()).gr_name
    command = ["env", f"PATH={_path()}", program() or "dockerd", "--pidfile", str(PIDFILE), "--group", group]
    command += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
    if capabilities.lacks_sys_resource():
        command += ["--add-runtime", f"without-missing={_runtime()}", "--default-runtime", "without-missing"]
    with log.open("wb") as out:
        starter = subprocess.Popen(
            [str(word) for word in run.as_root(command)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        # As early as can be: a run that is killed while it waits must not leave an engine that nobody knows.
        _remember()
        if starter.poll() is not None or time.monotonic() > deadline:
            stop()
            raise SetupError(
                "the Docker engine did not start.",
                tail=run.last_lines(error_lines(log.read_text(errors="replace"))),
                log=log,
                hint="it needs root, a writable /var/lib/docker, overlayfs, iptables and cgroups.",
            )
        time.sleep(0.2)
    _remember()


def _remember() -> None:
    pid = PIDFILE.read_text() if PIDFILE.exists() else ""
    known = processes.identity(int(pid)) if pid else None
    if known:
        OURS.write_text(known)


def stop() -> None:
    """Stop the engine that we started and see to it that nothing of it is left. SetupError when something is."""
    if not ours():
        return
    pid = processes.pid_of(OURS.read_text())
    shims = processes.with_argument(str(CONTAINERD / "containerd.sock"))
    pids = {pid} | processes.descendants(pid) | shims | {d for shim in shims for d in processes.descendants(shim)}
    family = {known for known in map(processes.identity, pids) if known}
    _signal("TERM", pid)
    if not _gone(family, STOP_SECONDS):
        for known in filter(processes.alive, family):
            _signal("KILL", processes.pid_of(known))
        if not _gone(family, 10):
            left = ", ".join(str(processes.pid_of(known)) for known in family if processes.alive(known))
            raise SetupError(f"the Docker engine left processes that do not end: {left}.")
    _forget()


def _signal(name: str, pid: int) -> None:
    # The shell's own `kill`: a minimal Debian has no program of that name. By a command, because of sudo.
    run.attempt(run.as_root(["sh", "-c", f"kill -{name} {pid}"]))


def _gone(family: set[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(processes.alive, family)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def error_lines(said: str) -> str:
    """Returns what dockerd said, without the chatter that it ends with."""
    return "\n".join(line for line in said.splitlines() if "level=info" not in line)


def _runtime() -> Path:
    """The OCI runtime as an executable of its own, in the cache: the checkout may move while the engine lives."""
    source = REPO / "cluster" / "docker" / "runtime.py"
    python = Path(sys.base_prefix) / "bin" / "python3"
    target = FOLDER / f"runtime-{fingerprint.of(source, str(python))}"
    if not target.exists():
        # -I -S: neither the user's environment nor site packages; it also starts in half the time.
        target.write_text(f"#!{python} -IS\n{source.read_text()}")
        target.chmod(0o755)
    return target


def _clear_stale() -> None:
    """What a killed engine left. dockerd refuses to start when another process has the pid in its file by now."""
    PIDFILE.unlink(missing_ok=True)
    containerd = CONTAINERD / "containerd.pid"
    # Only root may look into that folder.
    said = run.attempt(run.as_root(["cat", containerd])).stdout
    if not said:
        return
    pid = int(said)
    comm = Path(f"/proc/{pid}/comm")
    known = processes.identity(pid)
    # containerd dies with its dockerd, in a moment. One that is dead, and be it a zombie that nobody has fetched yet,
    # must not be waited for; dockerd would, and give up. One that lives on is taken over by dockerd.
    if known is None or comm.read_text().strip() != "containerd" or _gone({known}, DYING_SECONDS):
        run.attempt(run.as_root(["rm", "-f", containerd]))


def _forget() -> None:
    OURS.unlink(missing_ok=True)
    # Written by root, maybe, but in a folder of ours.
    PIDFILE.unlink(missing_ok=True)
