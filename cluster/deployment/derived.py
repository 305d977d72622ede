"""Images that are built on the controller's, for the Python and the packages in it.

Tagged with the hash of what they are made of: a changed one is another image, so its pods are made again. Of the
controller's image only what such an image uses counts: changing the controller does not restart what it breaks.
"""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cluster import fingerprint, kind, run
from cluster.deployment import image, preloaded
from cluster.docker import engine
from cluster.locks import lock
from cluster.node import rootfs
from cluster.progress import Stages
from cluster.settings import REPO


@dataclass(frozen=True)
class Derived:
    """`name` has no tag. `context` is the folder with the Dockerfile; `parts` are what the image is made of in there,
    the whole folder if none are named.
    """

    name: str
    context: Path
    parts: tuple[str, ...] = (".",)

    @property
    def tagged(self) -> str:
        """The image that the sources at hand make."""
        sources = (self.context / part for part in self.parts)
        return f"{self.name}:{fingerprint.of(*sources, REPO / 'Dockerfile', image.LOCK, image.PIP)}"

    def ensure(self, in_node: Collection[str], stages: Stages) -> str:
        """Have it in the node; its name with the tag. SetupError when it cannot be built."""
        tagged = self.tagged
        if preloaded.has(in_node, tagged):
            return tagged
        with lock(self.name.rpartition("/")[2]):
            if not rootfs.exists(tagged):
                base = image.ensure().name
                with stages.stage(f"building {tagged}"):
                    self._build(tagged, base)
            with stages.stage(f"loading {tagged} into the cluster"):
                kind.load(tagged)
        return tagged

    def _build(self, tagged: str, base: str) -> None:
        with rootfs.workspace() as folder:
            context = folder / "context"
            shutil.copytree(self.context, context, ignore=shutil.ignore_patterns("__pycache__"))
            run.logged(
                ["docker", "build", "--build-arg", f"BASE={base}", "-t", tagged, context],
                f"building {tagged}",
                env=engine.build_environment(),
            )
