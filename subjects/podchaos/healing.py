"""Every pod of a StatefulSet as its template wants it."""

from __future__ import annotations

import asyncio

from subjects.cluster import Workload
from subjects.podchaos.injection import Listing
from subjects.pods import images_differ, member_names
from subjects.protocol import SubjectContext, SubjectError
from subjects.workloads import delete_broken_pod


async def heal(context: SubjectContext, workload: Workload, list_pods: Listing, period: float) -> None:
    """Delete pods that have another image than their StatefulSet's; return when all are there with the right one.

    Looks each `period` seconds and never gives up by itself. SubjectError where a pod that was made anew has a wrong
    image again: deleting it once more would change nothing.
    """
    deleted: dict[str, str] = {}
    while True:
        pods = await list_pods()
        expected = [pods.get(name) for name in member_names(workload)]
        if all(pod and not pod.deleting and not images_differ(pod, workload.images) for pod in expected):
            return
        for pod in expected:
            if pod is None or pod.deleting or not images_differ(pod, workload.images):
                continue
            if deleted.get(pod.name, pod.uid) != pod.uid:
                raise SubjectError(f"{pod.name} was made anew, and again not with its StatefulSet's image")
            deleted[pod.name] = pod.uid
            await delete_broken_pod(context, pod)
        await asyncio.sleep(period)
