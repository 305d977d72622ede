"""The images of Kubernetes itself that every node image carries: etcd and pause, whose tags differ between them.

The node's containerd is asked, not its status in the API: that lists only the 50 largest images, and pause is the
smallest of all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cluster import kind, run
from cluster.errors import ClusterError


@dataclass(frozen=True)
class Preloaded:
    """Full names with tags, as the node knows them."""

    etcd: str
    pause: str


def find() -> Preloaded:
    """Read them from the node. ClusterError when the node does not answer or lacks one."""
    listed = run.output(
        ["docker", "exec", kind.NODE, "ctr", "--namespace=k8s.io", "images", "ls", "-q"],
        "listing the images of the node",
        hint="make cluster",
    )
    names = listed.split()
    return Preloaded(etcd=newest(names, "etcd"), pause=newest(names, "pause"))


def newest(names: Iterable[str], role: str) -> str:
    """The image whose repository is called `role`, of the highest version. Pure; ClusterError when there is none."""
    found = [name for name in names if "@" not in name and name.rpartition(":")[0].rpartition("/")[2] == role]
    if not found:
        raise ClusterError(f"the node has no image named {role}.", hint="make cluster-delete, then make cluster.")
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name.rpartition(":")[2])])


def split(name: str) -> tuple[str, str]:
    """Repository and tag."""
    repository, _, tag = name.rpartition(":")
    return repository, tag
