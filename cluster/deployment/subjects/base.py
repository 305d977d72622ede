"""What every system to be broken has: manifests, permissions over it, and images that this cluster's node must hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cluster import kubectl
from cluster.deployment import names, overlay, rollout
from cluster.deployment import running as running_campaigns
from cluster.progress import Stages, note


class Subject(ABC):
    """Applied and awaited apart, so that it starts side by side with whatever else is applied."""

    name: ClassVar[str]
    """Of its folder in manifests/subjects, of its namespace, and what it is called on the command line."""
    title: ClassVar[str]
    """As it is written in a sentence."""
    workloads: ClassVar[Mapping[str, str]]
    """Its StatefulSets, each with the label selector of its pods."""

    @property
    def manifests(self) -> Path:
        """The system itself."""
        return overlay.MANIFESTS / "subjects" / self.name

    @property
    def permissions(self) -> Path:
        """Returns what the controller may do to it."""
        return overlay.MANIFESTS / "subjects" / f"{self.name}-permissions"

    @abstractmethod
    def images(self, stages: Stages) -> dict[str, str]:
        """Have its images in the node; their full names, by the names in the manifests. SetupError if that fails."""

    def apply(self, images: Mapping[str, str], stages: Stages) -> None:
        """Apply it with these images, and the permissions over it.

        A subject on which a campaign runs keeps its images: new ones would restart it in the middle of an attempt.
        """
        replaced = set(self.deployed_images()) - set(images.values())
        running = running_campaigns.campaigns_on(self.name) if replaced else []
        if running:
            note(f"{self.title} keeps the images that it has, because {', '.join(running)} runs on it.")
            note(f"When that has ended: make deploy-{self.name}")
        with stages.stage(f"applying {self.title}"):
            if not running:
                self.apply_system(images, stages)
            kubectl.do(f"applying the permissions over {self.title}", "apply", "-k", self.permissions)
            names.remove_former(self.name)

    def apply_system(self, images: Mapping[str, str], stages: Stages) -> None:
        """Apply the system itself with these images. What is there already stays as it is."""
        with overlay.written(self.manifests, overlay.renamed(images)) as folder:
            kubectl.do(f"applying {self.title}", "apply", "-k", folder)

    def deployed_images(self) -> list[str]:
        """The full names of the images that its StatefulSets have now; none where it is not deployed."""
        path = "jsonpath={.items[*].spec.template.spec.containers[*].image}"
        return kubectl.attempt("-n", self.name, "get", "statefulsets", "-o", path).stdout.split()

    def wait(self, stages: Stages) -> None:
        """Return when it can be used. SetupError that shows why it cannot."""
        for workload, selector in self.workloads.items():
            with stages.stage(f"{self.title}: every pod of {workload} Ready"):
                rollout.wait(self.name, f"statefulset/{workload}", selector)

    def remove(self) -> None:
        """Take it out, with its data; nothing there is fine."""
        kubectl.remove(f"the permissions over {self.title}", "-k", self.permissions)
        kubectl.remove(self.title, "-k", self.manifests)

    def remark(self) -> str | None:
        """Returns what whoever reads results of the deployed one must know about it."""
        return None
