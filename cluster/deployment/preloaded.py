"""The images in the node; among them two of Kubernetes itself, etcd and pause, which every node image carries.

Their tags differ from one node image to the next. The node's containerd is asked, not its status in the API: that lists
only the 50 largest images, and pause is the smallest of all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cluster import kind, run
from cluster.errors import SetupError


@dataclass(frozen=True)
class Preloaded:
    """Full names with tags, as the node knows them."""

    etcd: str
    pause: str


def names() -> list[str]:
    """The full names of all images in the node. SetupError when it does not answer."""
    listed = run.output(
        ["docker", "exec", kind.NODE, "ctr", "--namespace=k8s.io", "images", "ls", "-q"],
        "listing the images of the node",
        hint="make cluster",
    )
    return listed.split()


def find() -> Preloaded:
    """The images of Kubernetes. SetupError when the node does not answer or lacks one."""
    listed = names()
    return Preloaded(etcd=newest(listed, "etcd"), pause=newest(listed, "pause"))


def has(listed: Iterable[str], name: str) -> bool:
    """Returns whether an image of Docker's is among the node's, which writes out what Docker leaves unsaid. Pure."""
    return f"docker.io/{name}" in listed


def newest(names: Iterable[str], role: str) -> str:
    """The image whose repository is called `role`, of the highest version. Pure; SetupError when there is none."""
    found = [name for name in names if "@" not in name and name.rpartition(":")[0].rpartition("/")[2] == role]
    if not found:
        raise SetupError(f"the node has no image named {role}.", hint="make cluster-delete, then make cluster.")
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name.rpartition(":")[2])])


def split(name: str) -> tuple[str, str]:
    """Repository and tag."""
    repository, _, tag = name.rpartition(":")
    return repository, tag
