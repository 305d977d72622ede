"""Debian root file systems as Docker images: below the node, and below the controller where no registry answers.

Tagged with the hash of what they are made of, so that what exists is not made again.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import fingerprint, run
from cluster.node import debian
from cluster.progress import Stages
from cluster.settings import CACHE


def tag(group: str) -> str:
    """The Docker image of a root file system with a group of Debian packages."""
    return f"evalcampaign/{group}-root:{fingerprint.of(debian.SUITE, *debian.packages(group))}"


def exists(image: str) -> bool:
    """Returns whether the Docker engine has this image."""
    return run.attempt(["docker", "image", "inspect", image]).returncode == 0


def ensure(group: str, stages: Stages) -> str:
    """Have the Docker image of a root file system; returns its name."""
    image = tag(group)
    if not exists(image):
        with stages.stage(f"Debian root file system for the {group}"), workspace() as folder:
            archive = folder / "root.tar"
            debian.root_archive(group, archive)
            run.logged(["docker", "import", archive, image], f"importing {image}")
    return image


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder that goes away again, in the cache rather than in /tmp, which may be small or in memory."""
    parent = CACHE / "work"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)
