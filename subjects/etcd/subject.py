"""etcd as a subject: the protocol's methods, each a call to the file that knows how."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from random import Random

from pydantic import BaseModel

from subjects.cluster import Pod, Workload
from subjects.etcd import reset, state
from subjects.etcd.api import SELECTOR, EtcdPollSettings, get_workload, list_pods
from subjects.etcd.chaos import CONTAINER, FAULTS
from subjects.etcd.options import refuse_options
from subjects.etcd.oracle import EtcdProber
from subjects.faulttype import Candidates, FaultContext, FaultType, fault_named, revert_fully, target_count
from subjects.health import wait_until_healthy
from subjects.images import KnownImages
from subjects.permits import Voters
from subjects.pods import member_names
from subjects.protocol import (
    BlastRadius,
    ChaosType,
    Fault,
    Json,
    Report,
    SubjectContext,
    SubjectNotReady,
    Verdict,
    no_report,
)
from subjects.watching.stream import VerdictStream
from subjects.workloads import wait_for_pods


class EtcdSubject:
    """The StatefulSet `etcd` of one namespace. Unsupported where the campaign asks for anything more of it."""

    def __init__(self, context: SubjectContext, polling: EtcdPollSettings | None = None) -> None:
        refuse_options(context.options)
        self._context = context
        self._polling = polling or EtcdPollSettings()
        self._images = KnownImages()
        self._faults: Mapping[str, FaultType] = {**FAULTS, **context.faults}
        self._workload: Workload | None = None

    async def _known_workload(self) -> Workload:
        """Returns the StatefulSet as the last reset found it. A change after that does not change what is expected."""
        if self._workload is None:
            self._workload = await get_workload(self._context)
        return self._workload

    async def _list_pods(self) -> Mapping[str, Pod]:
        return await list_pods(self._context)

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        """Returns the types of chaos that etcd offers, by name."""
        return {name: fault.chaos_type for name, fault in self._faults.items()}

    async def check_ready(self) -> None:
        """Returns when the StatefulSet is there with enough members, each with a pod; else SubjectNotReady."""
        workload = await get_workload(self._context)
        pods = await self._list_pods()
        if missing := [name for name in member_names(workload) if name not in pods]:
            raise SubjectNotReady(f"there is no pod yet for {', '.join(missing)}")

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        """Returns how many members the chaos hits, of all: they vote with each other."""
        members = (await get_workload(self._context)).replicas
        hit = target_count(params) if fault_named("etcd", self._faults, chaos).takes_members else 0
        return BlastRadius(hit, members, members)

    async def reset(self, report: Report = no_report) -> None:
        """Waits until every member has a pod, and makes the first member the leader; has no time limit."""
        self._workload = None
        workload = self._workload = await get_workload(self._context)
        await wait_for_pods(workload, self._list_pods, self._polling.period, report)
        await reset.move_leadership(self._context, workload, self._polling, report)

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        """Returns the verdict that completes `settle_seconds` of health, and remembers the images of the pods then."""
        verdict = await wait_until_healthy(self._watch(None), settle_seconds, on_verdict)
        self._images.replace_all((await self._list_pods()).values())
        return verdict

    def watch_health(self) -> AsyncGenerator[Verdict]:
        """Yields verdicts without end, from a watch and polls of its own."""
        return self._watch(self._images)

    def _watch(self, images: KnownImages | None) -> AsyncGenerator[Verdict]:
        prober = EtcdProber(self._context, self._known_workload, self._polling, images)
        return VerdictStream(self._context, prober).verdicts()

    async def capture_state(self) -> Mapping[str, Json]:
        """Returns pods, members and leader, as JSON."""
        return await state.capture(self._context, await self._known_workload(), self._polling.timeout)

    def _fault_context(self) -> FaultContext:
        context = self._context
        return FaultContext(context.cluster, context.namespace, context.now, SELECTOR, CONTAINER, context.images)

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        """Returns a fault for members drawn by `rng` among all that should exist. Changes nothing."""
        fault_type = fault_named("etcd", self._faults, chaos)
        names = member_names(await self._known_workload())
        candidates = Candidates(names, await self._list_pods(), self._images.by_uid)
        return await fault_type.plan(self._fault_context(), candidates, params, rng)

    async def inject_chaos(self, fault: Fault) -> datetime:
        """Applies the plan if its targets are unchanged; returns when the accepted request was sent (UTC)."""
        fault_type = fault_named("etcd", self._faults, fault.chaos)
        workload = await self._known_workload()
        voters = Voters(SELECTOR, member_names(workload), workload.replicas) if fault_type.takes_members else None
        return await fault_type.inject(self._fault_context(), fault, voters)

    async def cleanup_chaos(self, fault: Fault) -> None:
        """Reverts the fault by its record alone; returns when nothing of it is left."""
        fault_type = fault_named("etcd", self._faults, fault.chaos)
        await revert_fully(fault_type, self._fault_context(), fault, self._polling.period)

    async def end_attempt(self) -> None:
        """Does nothing: a reset reverts nothing that an attempt changes in etcd, except which member leads."""

    async def close(self) -> None:
        """Does nothing: connections belong to the cluster."""
