"""Bringing TiKV to its known state: what an attempt changed that outlives pods, and where leaders sit.

Every part can be repeated, and waits without limit for a PD that does not answer yet; the caller has one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from subjects.pods import member_names
from subjects.protocol import Report, SubjectError, no_report
from subjects.retry import retry_until_reachable
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.queries import ROLES
from subjects.tikv.reset import configuration, residue
from subjects.tikv.reset.memory import Memory
from subjects.tikv.reset.spread import spread_leaders
from subjects.tikv.reset.standing import Standing, glance, look
from subjects.watching.polling import PollSettings
from subjects.workloads import wait_for_pods

T = TypeVar("T")


async def restore(
    endpoints: Endpoints, pd: Pd, topology: Topology, memory: Memory, polling: PollSettings, report: Report
) -> None:
    """Return when what the last attempt changed is as it was before it, with leaders spread.

    Of an attempt whose end nobody could note, nothing is set back: it cannot be told from what others did since.
    SubjectError, with the reason, where something cannot be brought back without new data.
    """
    stores = member_names(topology.tikv)
    for role in ROLES:
        await wait_for_pods(topology.of(role), partial(endpoints.pods, role), polling.period, report)
    memory.under_way = False
    await _retry(polling, report, lambda: _recognise(pd, memory))
    if memory.before is not None and memory.after is not None:
        before, after = memory.before, memory.after
        await _retry(polling, report, lambda: residue.undo(pd, before, after, stores, polling.period))
        await _retry(polling, report, lambda: configuration.restore_pd(pd, before.pd, after.pd))
        await _retry(polling, report, lambda: _restore_stores(endpoints, pd, before, after, polling))
    replicas = configuration.region_replicas(await _retry(polling, report, lambda: configuration.look_at_pd(pd)))
    await spread_leaders(endpoints, pd, stores, replicas, polling, report)
    memory.begin(await _retry(polling, report, lambda: look(endpoints, pd, stores, polling)))


async def note_end(endpoints: Endpoints, pd: Pd, topology: Topology, memory: Memory, polling: PollSettings) -> None:
    """See what the attempt that is under way leaves. Waits for PD without limit; cancelled before, nobody knows."""
    if memory.under_way:
        memory.under_way = False
        pods = member_names(topology.tikv)
        memory.after = await _retry(polling, no_report, lambda: glance(endpoints, pd, pods, polling))


async def _restore_stores(
    endpoints: Endpoints, pd: Pd, before: Standing, after: Standing, polling: PollSettings
) -> None:
    stores = await pd.stores()
    for pod in before.stores.keys() & after.stores.keys():
        await configuration.of_store(endpoints, pod, stores, polling).restore(before.stores[pod], after.stores[pod])


async def _recognise(pd: Pd, memory: Memory) -> None:
    """Its data must be that of the first reset: attempts on other data cannot be compared."""
    found = (await pd.members()).header.cluster_id
    if memory.cluster_id is None:
        memory.cluster_id = found
    if found != memory.cluster_id:
        raise SubjectError(f"the cluster was replaced: its id is {found} and was {memory.cluster_id}; its data is gone")


async def _retry(polling: PollSettings, report: Report, act: Callable[[], Awaitable[T]]) -> T:
    return await retry_until_reachable(act, report, polling.period, unreachable=PdUnavailable)
