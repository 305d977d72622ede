"""The real images: which ones the manifests name, and how they come into the node.

The node could pull them itself, but then the first trials would wait for a download; and a node that was built here has
no registry to pull from, only what Docker's store holds.
"""

from collections.abc import Collection

import yaml

from cluster import kind, run
from cluster.deployment import overlay, preloaded
from cluster.node import rootfs
from cluster.progress import Stages

ROLES = ("pd", "tikv")


def images() -> list[str]:
    """Their names with tags, as the manifests have them."""
    folder = overlay.MANIFESTS / "subjects" / "tikv"
    workloads = [yaml.safe_load((folder / f"{role}.yaml").read_text()) for role in ROLES]
    return [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in workloads]


def missing(in_node: Collection[str]) -> list[str]:
    """Those that are neither in the node nor in Docker's store."""
    return [image for image in images() if not preloaded.has(in_node, image) and not rootfs.exists(image)]


def ensure(in_node: Collection[str], stages: Stages) -> None:
    """Have them in the node. SetupError when one cannot be pulled."""
    for image in images():
        if preloaded.has(in_node, image):
            continue
        if not rootfs.exists(image):
            with stages.stage(f"pulling {image}"):
                run.logged(
                    ["docker", "pull", image],
                    f"pulling {image}",
                    hint="EVALCAMPAIGN_TIKV_IMAGE=standin does without: docs/cluster.md.",
                )
        with stages.stage(f"loading {image} into the cluster"):
            kind.load(image)
