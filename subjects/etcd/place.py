"""Where etcd is: its StatefulSet and the label of its pods."""

from __future__ import annotations

from collections.abc import Mapping

from subjects import workloads
from subjects.cluster import Pod, Workload
from subjects.protocol import SubjectContext

WORKLOAD = "etcd"
SELECTOR = "app.kubernetes.io/name=etcd"


async def get_workload(context: SubjectContext) -> Workload:
    """The StatefulSet; raises as `workloads.get_workload`."""
    return await workloads.get_workload(context, WORKLOAD)


async def list_pods(context: SubjectContext) -> Mapping[str, Pod]:
    """The members' pods, by name."""
    return await workloads.list_pods(context, SELECTOR)
