"""The chaos etcd offers, by name. A new type is a file here and a line in `CHAOS`."""

from collections.abc import Mapping

from subjects.etcd.chaos.base import Chaos
from subjects.etcd.chaos.node_down import NODE_DOWN
from subjects.etcd.chaos.node_kill import NODE_KILL

CHAOS: Mapping[str, Chaos] = {chaos.type.name: chaos for chaos in (NODE_KILL, NODE_DOWN)}
