"""The etcd to be broken: of the image that the node has for Kubernetes itself."""

from typing import ClassVar

from cluster.deployment import preloaded
from cluster.deployment.subjects.base import Subject
from cluster.progress import Stages


class Etcd(Subject):
    """Three members."""

    name = "etcd"
    title = "etcd"
    workloads: ClassVar = {"etcd": "app.kubernetes.io/name=etcd"}

    def images(self, stages: Stages) -> dict[str, str]:
        """Every node has it."""
        return {"etcd": preloaded.find().etcd}
