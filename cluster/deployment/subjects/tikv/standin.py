"""The stand-in's image, which is both PD and TiKV: built on the controller's, for the Python and the packages in it.

Tagged with the hash of what it is made of: a changed stand-in is another image, so its pods are rolled out anew.
"""

import shutil
from collections.abc import Collection

from cluster import fingerprint, kind, run
from cluster.deployment import image, preloaded
from cluster.docker import engine
from cluster.locks import lock
from cluster.node import rootfs
from cluster.progress import Stages
from cluster.settings import REPO

NAME = "evalcampaign/tikv-standin"
SOURCES = REPO / "tests" / "standin"


def name() -> str:
    """The image that the sources at hand make. Of the controller's image only what the stand-in uses counts: changing
    the controller does not restart the system it breaks.
    """
    return f"{NAME}:{fingerprint.of(SOURCES, REPO / 'Dockerfile', image.LOCK, image.PIP)}"


def ensure(in_node: Collection[str], stages: Stages) -> str:
    """Have it in the node; its name. ClusterError when it cannot be built."""
    standin = name()
    if preloaded.has(in_node, standin):
        return standin
    with lock("standin"):
        if not rootfs.exists(standin):
            base = image.ensure().name
            with stages.stage(f"building {standin}"):
                _build(standin, base)
        with stages.stage(f"loading {standin} into the cluster"):
            kind.load(standin)
    return standin


def _build(standin: str, base: str) -> None:
    with rootfs.workspace() as folder:
        context = folder / "context"
        shutil.copytree(SOURCES, context, ignore=shutil.ignore_patterns("__pycache__"))
        run.logged(
            ["docker", "build", "--build-arg", f"BASE={base}", "-t", standin, context],
            f"building {standin}",
            env=engine.build_environment(),
        )
