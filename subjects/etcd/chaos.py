"""The faults that etcd offers, by the name of their type of chaos. A new one is an entry here."""

from collections.abc import Mapping

from subjects.faults.pod_down import PodDown
from subjects.faults.pod_kill import CountedKillParams, PodKill
from subjects.faulttype import CountParams, FaultType

CONTAINER = "etcd"

FAULTS: Mapping[str, FaultType] = {
    fault.name: fault
    for fault in (
        PodKill("node_kill", "random members' pods are deleted; Kubernetes makes new ones", CountedKillParams),
        PodDown("node_down", "random members stay down until somebody deletes their pods", CountParams),
    )
}
