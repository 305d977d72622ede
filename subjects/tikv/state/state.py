"""What is worth keeping of TiKV at one instant: everybody is asked, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from subjects.cluster import ClusterError, MemberUnreachable, Pod
from subjects.protocol import Json, SubjectError
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd
from subjects.tikv.members.queries import HEALTH, PD, PING, TIKV
from subjects.tikv.members.schemas import Health, Things, refusal
from subjects.tikv.members.version import ORACLE_VERSION
from subjects.tikv.reset.leaders import OPERATORS
from subjects.tikv.state.picture import Said, describe

T = TypeVar("T")


async def capture(endpoints: Endpoints, topology: Topology, timeout: float) -> dict[str, Json]:
    """Pods, members, stores and regions as they are now; each request has `timeout` seconds.

    What does not answer is part of it. SubjectError only where Kubernetes does not list the pods.
    """
    pd_pods, tikv_pods = await endpoints.pods(PD), await endpoints.pods(TIKV)
    pd = Pd(endpoints, timeout)
    members, health, stores, regions, schedulers, operators = await asyncio.gather(
        _told(pd.members()),
        _told(pd.get(HEALTH.path, Health)),
        _told(pd.stores()),
        _told(pd.regions()),
        _told(pd.schedulers()),
        _told(pd.get(OPERATORS, Things)),
    )
    silence = await asyncio.gather(*(_silence(endpoints, pod, timeout) for pod in pd_pods.values()))
    said = Said(dict(zip(pd_pods, silence, strict=True)), members, health, stores, regions, schedulers, operators)
    probe = "write" if endpoints.options.writes else "none"
    return {"oracle": ORACLE_VERSION, "probe": probe, **describe(topology, {**pd_pods, **tikv_pods}, said)}


async def _told(answer: Awaitable[T]) -> T | str:
    try:
        return await answer
    except SubjectError as error:
        return str(error)


async def _silence(endpoints: Endpoints, pod: Pod, timeout: float) -> str | None:
    """Why this member of PD does not answer; None where it does."""
    if pod.ip is None:
        return "the pod has no address"
    try:
        answer = await endpoints.ask(PD, pod, PING.path, timeout)
    except (MemberUnreachable, ClusterError) as error:
        return str(error) or type(error).__name__
    return None if answer.status == 200 else refusal(answer)
