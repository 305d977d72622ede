"""The way up and the way down, step by step."""

import shutil
import time

from cluster import health, kind, run, tools
from cluster.docker import capabilities, dockerd, engine
from cluster.locks import lock
from cluster.node import choice, nodeimage, rootfs
from cluster.progress import Stages, note
from cluster.settings import CLUSTER, CONTEXT


def up() -> None:
    """Have a healthy cluster: keep the one that is, replace the one that ails, make one where there is none."""
    started = time.monotonic()
    with lock("cluster"):
        stages = Stages()
        which = _engine(stages)
        found = _found_healthy() or _made(stages, which)
    note(
        f"Cluster {CLUSTER} {found} ({time.monotonic() - started:.1f} s): {_kubectl()} --context {CONTEXT} get pods -A"
    )


def _kubectl() -> str:
    """How this person calls kubectl: any on PATH will do, else ours in the cache."""
    return "kubectl" if shutil.which("kubectl") else str(tools.binary("kubectl"))


def _engine(stages: Stages) -> str:
    if engine.problem() is None:
        return engine.ensure()
    with stages.stage("Docker engine"):
        return engine.ensure()


def _found_healthy() -> str | None:
    # Without kubectl there is no telling yet.
    if not tools.missing("cluster") and health.look().trouble is None:
        return "was up already and is healthy"
    return None


def _made(stages: Stages, which: str) -> str:
    with stages.stage("choosing the node image"):
        chosen = choice.choose(unfit=_unfit())
    note(f"Node image: {chosen.path}, because {chosen.why}. Docker: {which}.")
    built = chosen.path == "built"
    group = "all" if built else "cluster"
    # Behind us; tools; a look at what is there; the node image or its download; the cluster; what runs in it.
    stages.total = stages.count + len(tools.missing(group)) + 1 + (nodeimage.stages_ahead() if built else 1) + 2
    tools.ensure("cluster", stages)
    with stages.stage("looking at what is there"):
        found = health.look_patiently()
        if found.trouble is None:
            return "was up already and is healthy"
        if found.container is not None:
            note(f"There is a cluster, but {found.trouble}. It is removed and made anew.")
            kind.delete()
    tools.ensure(group, stages)
    if built:
        image = nodeimage.ensure(stages)
    else:
        image = choice.REGISTRY_IMAGE
        with stages.stage("node image from the registry"):
            _pull(image)
    with stages.stage("kind cluster"):
        kind.create(image, chosen.path)
    with stages.stage("DNS and storage"):
        health.wait_available()
    return "is up"


def _unfit() -> str | None:
    if dockerd.ours() and capabilities.lacks_sys_resource():
        # Our engine gets by without it, by the runtime in front of runc; the runc inside kind's own image would not.
        return "this machine lacks CAP_SYS_RESOURCE, without which kind's own image starts no pods"
    return None


def _pull(image: str) -> None:
    if not rootfs.exists(image):
        run.logged(
            ["docker", "pull", image],
            "pulling the node image",
            hint="EVALCAMPAIGN_NODE_IMAGE=built makes one here instead, from Debian and Go modules.",
        )


def down() -> None:
    """Remove the cluster, and stop the engine if it is one that we started and nothing else runs in it."""
    started = time.monotonic()
    with lock("cluster"):
        stages = Stages()
        if engine.problem() is not None:
            if not dockerd.killed():
                note("No Docker engine runs here, so there is no cluster.")
                return
            # Only an engine can tidy up what a killed one left: containers, mounts, networks.
            with stages.stage("starting the engine once more, to clear what was left when it was killed"):
                engine.ensure()
        tools.ensure("cluster", stages)
        with stages.stage(f"removing cluster {CLUSTER}"):
            kind.delete()
        if not dockerd.ours():
            note("The Docker engine was not started by us and goes on.")
            return
        others = run.output(["docker", "ps", "--format", "{{.Names}}"], "listing containers")
        if others:
            note(f"The Docker engine goes on, for other containers run in it: {' '.join(others.split())}")
            return
        with stages.stage("stopping the Docker engine that we started"):
            dockerd.stop()
    note(f"Cluster {CLUSTER} is gone ({time.monotonic() - started:.0f} s).")
