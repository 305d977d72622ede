"""Waiting until every member of a StatefulSet has a pod that stays.

Nothing is mended here. What an attempt of ours did was undone from its record before the next reset, and a fault that
could not be undone keeps the subject locked. So a pod that looks strange is somebody else's, and is left alone.
"""

from __future__ import annotations

import asyncio

from subjects.cluster import Workload
from subjects.podchaos.injection import Listing
from subjects.pods import member_names
from subjects.protocol import Report


async def wait_for_pods(workload: Workload, list_pods: Listing, period: float, report: Report) -> None:
    """Return when every pod that should exist does and is not on its way out; `report` which is not.

    Looks each `period` seconds and never gives up by itself.
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
