"""The chaos etcd offers, by name. A new type is a line here."""

from collections.abc import Mapping

from subjects.podchaos.base import Params, PodChaos
from subjects.podchaos.down import PodDown
from subjects.podchaos.kill import KillParams, PodKill
from subjects.protocol import ChaosType

CONTAINER = "etcd"


class NodeDownParams(Params):
    """None."""


NODE_KILL = PodKill(ChaosType("node_kill", "a random member's pod is deleted; Kubernetes makes a new one", KillParams))
NODE_DOWN = PodDown(
    ChaosType("node_down", "a random member stays down until somebody deletes its pod", NodeDownParams), CONTAINER
)

CHAOS: Mapping[str, PodChaos] = {chaos.type.name: chaos for chaos in (NODE_KILL, NODE_DOWN)}
