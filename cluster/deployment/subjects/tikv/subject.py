"""TiKV as it is put into the cluster."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from cluster import kubectl
from cluster.deployment import preloaded
from cluster.deployment.subjects.base import Subject
from cluster.deployment.subjects.tikv import choice, real, regions, standin
from cluster.progress import Stages, note

NOT_TIKV = "It behaves as recordings of a real TiKV do, and is none: docs/cluster.md."


class Tikv(Subject):
    """Three PDs and three stores, with regions for all of them to lead."""

    name = "tikv"
    title = "TiKV"
    workloads: ClassVar = {role: f"app.kubernetes.io/component={role}" for role in real.ROLES}

    def images(self, stages: Stages) -> dict[str, str]:
        """The real ones, or the stand-in for both; which, and why, is printed."""
        in_node = preloaded.names()
        chosen = choice.choose(in_node)
        if chosen.path == "real":
            note(f"TiKV: the real one, because {chosen.why}.")
            real.ensure(in_node, stages)
            return {preloaded.split(image)[0]: image for image in real.images()}
        note(f"TiKV: the stand-in, because {chosen.why}. {NOT_TIKV}")
        stands_in = standin.IMAGE.ensure(in_node, stages)
        return {preloaded.split(image)[0]: stands_in for image in real.images()}

    def apply_system(self, images: Mapping[str, str], stages: Stages) -> None:
        """As every subject; but one whose data the new images could not read is removed first."""
        if outdated(self.deployed_images(), images.values()):
            note("The TiKV of other images is removed first: these cannot read its data.")
            kubectl.remove(self.title, "-k", self.manifests)
        super().apply_system(images, stages)

    def wait(self, stages: Stages) -> None:
        """Ready, and split into regions."""
        super().wait(stages)
        with stages.stage("TiKV: regions"):
            regions.split()

    def remark(self) -> str | None:
        """That it is the stand-in, if it is."""
        if any(is_standin(image) for image in self.deployed_images()):
            return f"What was broken here is the stand-in {standin.NAME}. {NOT_TIKV}"
        return None


def is_standin(image: str) -> bool:
    """Returns whether it is the stand-in's image, of whatever tag. Pure."""
    return preloaded.split(image)[0] in (standin.NAME, standin.FORMER_NAME)


def outdated(deployed: Collection[str], wanted: Collection[str]) -> bool:
    """Returns whether what the deployed images wrote is of no use to the wanted ones. Pure.

    Real versions read each other's data; a stand-in only its own, and makes no promise from one version to the next.
    """
    gone = set(deployed) - set(wanted)
    return bool(gone) and any(is_standin(image) for image in {*gone, *wanted})
