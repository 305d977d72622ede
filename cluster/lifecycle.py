"""The way up and the way down, step by step."""

import shutil
import time
from collections.abc import Callable
from functools import partial

from cluster import health, kind, run, tools
from cluster.docker import capabilities, dockerd, engine
from cluster.locks import lock
from cluster.node import choice, nodeimage, rootfs
from cluster.progress import Stages, note
from cluster.settings import CLUSTER, CONTEXT
from cluster.together import together

Job = Callable[[Stages], object]


def up(*beside: Job) -> None:
    """Have a healthy cluster: keep the one that is, replace the one that ails, make one where there is none.

    What the caller needs later may be done `beside` the compiler, if the cluster has to be made; it needs an engine.
    """
    started = time.monotonic()
    with lock("cluster"):
        running = engine.problem() is None
        which = engine.ensure() if running else None
        found = (_found_healthy() if running else None) or _made(Stages(), which, beside)
    note(
        f"Cluster {CLUSTER} {found} ({time.monotonic() - started:.1f} s): {_kubectl()} --context {CONTEXT} get pods -A"
    )


def _kubectl() -> str:
    """Returns how this person calls kubectl: any on PATH will do, else ours in the cache."""
    return "kubectl" if shutil.which("kubectl") else str(tools.binary("kubectl"))


def _found_healthy() -> str | None:
    # Without kubectl there is no telling yet.
    if not tools.missing("cluster") and health.check_node().trouble is None:
        return "was up already and is healthy"
    return None


def _made(stages: Stages, which: str | None, beside: tuple[Job, ...]) -> str:
    # What is needed whichever node image it will be: beside the engine's installation.
    paths: list[choice.Choice] = []
    together(lambda: paths.append(_chosen(stages, which)), lambda: tools.ensure("cluster", stages))
    [chosen] = paths
    built = chosen.path == "built"
    if not beside:
        # A look at what is there; the node image or its download; the cluster; what runs in it.
        ahead = _builds_ahead() + nodeimage.stages_ahead() if built else 1
        stages.total = stages.count + 1 + ahead + 2
    with stages.stage("looking at what is there"):
        found = health.check_node_with_retries()
        if found.trouble is None:
            return "was up already and is healthy"
        if found.container is not None:
            note(f"There is a cluster, but {found.trouble}. It is removed and made anew.")
            kind.delete()
    jobs: list[Job] = [_build_all, _fetch_all, nodeimage.ensure_root] if built else [_pull]
    together(*(partial(job, stages) for job in (*jobs, *beside)))
    image = nodeimage.ensure(stages) if built else choice.REGISTRY_IMAGE
    with stages.stage("kind cluster"):
        kind.create(image, chosen.path)
    with stages.stage("DNS and storage"):
        health.wait_available()
    return "is up"


def _chosen(stages: Stages, which: str | None) -> choice.Choice:
    if which is None:
        with stages.stage("Docker engine"):
            which = engine.ensure()
    with stages.stage("choosing the node image"):
        chosen = choice.choose(unfit=_unfit())
    note(f"Node image: {chosen.path}, because {chosen.why}. Docker: {which}.")
    return chosen


def _unfit() -> str | None:
    if dockerd.ours() and capabilities.lacks_sys_resource():
        # Our engine gets by without it, by the runtime in front of runc; the runc inside kind's own image would not.
        return "this machine lacks CAP_SYS_RESOURCE, without which kind's own image starts no pods"
    return None


def _build_all(stages: Stages) -> None:
    tools.ensure("all", stages)


def _builds_ahead() -> int:
    builds = len(tools.builds(tools.missing("all")))
    return builds + 1 if builds else 0


def _fetch_all(stages: Stages) -> None:
    tools.fetch("all", stages)


def _pull(stages: Stages) -> None:
    image = choice.REGISTRY_IMAGE
    if rootfs.exists(image):
        return
    with stages.stage("node image from the registry"):
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
