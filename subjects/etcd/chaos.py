"""The chaos etcd offers, by name. A new type is a line here."""

from collections.abc import Mapping

from subjects.podchaos.base import CountParams, PodChaos
from subjects.podchaos.down import PodDown
from subjects.podchaos.kill import CountedKillParams, PodKill
from subjects.protocol import ChaosType

CONTAINER = "etcd"


NODE_KILL = PodKill(
    ChaosType("node_kill", "random members' pods are deleted; Kubernetes makes new ones", CountedKillParams)
)
NODE_DOWN = PodDown(
    ChaosType("node_down", "random members stay down until somebody deletes their pods", CountParams), CONTAINER
)

CHAOS: Mapping[str, PodChaos] = {chaos.type.name: chaos for chaos in (NODE_KILL, NODE_DOWN)}
