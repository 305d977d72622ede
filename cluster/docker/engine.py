"""The Docker engine: one that runs is used as it is; else we start one, and stop exactly that one (dockerd.py)."""

import os
import shutil

from cluster import run
from cluster.docker import dockerd
from cluster.errors import SetupError
from cluster.locks import lock
from cluster.node import debian


def problem() -> str | None:
    """None when an engine answers; else why not, in Docker's words."""
    done = run.attempt(["docker", "version", "--format", "{{.Server.Version}}"], timeout=20)
    return None if done.returncode == 0 and done.stdout.strip() else run.last_lines(done.stderr) or "no answer"


def ensure() -> str:
    """Have an engine that answers; says in a few words which. SetupError when there is no way to one."""
    with lock("engine"):
        return _ensure()


def _ensure() -> str:
    why = problem()
    if why is None:
        return "the engine we started" if dockerd.ours() else "the engine that runs here"
    if os.environ.get("DOCKER_HOST"):
        raise SetupError(
            "the Docker engine that DOCKER_HOST names does not answer.",
            tail=why,
            hint="start it, or unset DOCKER_HOST and let this machine's own be used.",
        )
    if "permission denied" in why.lower():
        raise SetupError(
            "a Docker engine runs, but your user may not use it.",
            tail=why,
            hint="add yourself to the group `docker` and log in again, or run this as root.",
        )
    if shutil.which("docker") is None or dockerd.program() is None:
        debian.install("engine", "no Docker engine is installed")
        # On a machine with systemd the package starts it.
        if problem() is None:
            return "the engine just installed"
    dockerd.start(lambda: problem() is None)
    return "an engine of our own, started now"


def build_environment() -> dict[str, str]:
    """For `docker build`. BuildKit calls runc directly, past our runtime, so it is off in an engine of our own."""
    return {"DOCKER_BUILDKIT": "0"} if dockerd.ours() else {}
