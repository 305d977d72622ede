"""Requests about StatefulSets and their pods, with the API server's refusals as sentences.

Every function raises SubjectError where the API server refuses and lets ClusterUnreachable through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from subjects.cluster import ClusterError, Pod, Workload
from subjects.permits import RecreatePermit
from subjects.pods import member_names
from subjects.protocol import Report, SubjectContext, SubjectError, SubjectNotReady

MIN_MEMBERS = 3
"""With fewer members, the loss of one is the loss of the quorum."""


class UnfitWorkload(SubjectNotReady):
    """The StatefulSet is missing or too small."""


def require_members(workload: Workload, where: str) -> Workload:
    """Returns the workload. Raises UnfitWorkload where it has too few replicas to lose one; `where` names it."""
    if workload.replicas < MIN_MEMBERS:
        raise UnfitWorkload(f"the {where} has {workload.replicas} replicas; at least {MIN_MEMBERS} are needed")
    return workload


async def get_workload(context: SubjectContext, name: str) -> Workload:
    """The StatefulSet. UnfitWorkload where it is missing or too small, SubjectNotReady where it may not be read."""
    where = f"StatefulSet {name} in namespace {context.namespace}"
    try:
        return require_members(await context.cluster.get_workload(context.namespace, name), where)
    except ClusterError as error:
        if error.status == 404:
            raise UnfitWorkload(f"there is no {where}") from error
        raise SubjectNotReady(f"the {where} cannot be read: {error}") from error


async def list_pods(context: SubjectContext, selector: str) -> Mapping[str, Pod]:
    """The members' pods, by name."""
    try:
        return await context.cluster.list_pods(context.namespace, selector)
    except ClusterError as error:
        raise SubjectError(f"the pods in namespace {context.namespace} cannot be listed: {error}") from error


async def scale(context: SubjectContext, permit: RecreatePermit, replicas: int) -> None:
    """Ask for so many replicas of the StatefulSet that may be emptied; returns before there are as many."""
    try:
        await context.cluster.scale_workload(permit, context.namespace, permit.workload, replicas)
    except ClusterError as error:
        raise SubjectError(f"StatefulSet {permit.workload} could not be scaled to {replicas}: {error}") from error


async def list_claims(context: SubjectContext, selector: str) -> frozenset[str]:
    """The names of the volume claims, going or not."""
    try:
        return await context.cluster.list_claims(context.namespace, selector)
    except ClusterError as error:
        raise SubjectError(f"the volume claims in namespace {context.namespace} cannot be listed: {error}") from error


async def delete_claim(context: SubjectContext, permit: RecreatePermit, name: str) -> None:
    """Delete a volume claim with its data; returns before it is gone. One that is gone is as good as deleted."""
    try:
        await context.cluster.delete_claim(permit, context.namespace, name)
    except ClusterError as error:
        if error.status != 404:
            raise SubjectError(f"the volume claim {name} could not be deleted: {error}") from error


async def wait_for_pods(
    workload: Workload, list_pods: Callable[[], Awaitable[Mapping[str, Pod]]], period: float, report: Report
) -> None:
    """Return when every pod that should exist does and is not being deleted; `report` receives which is not there yet.

    Lists the pods each `period` seconds, without a limit. Nothing is repaired here: what an attempt did was reverted
    from its record before, so any other deviation is not this program's.
    """
    while True:
        pods = await list_pods()
        awaited = [f"{name} has no pod" for name in member_names(workload) if name not in pods]
        awaited += [
            f"{name} is being deleted" for name in member_names(workload) if name in pods and pods[name].deleting
        ]
        if not awaited:
            return
        report("; ".join(awaited))
        await asyncio.sleep(period)
