"""TiKV as a subject: the protocol's methods, each a call to the file that knows how."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from random import Random

from pydantic import BaseModel

from subjects.faulttype import Candidates, FaultContext, fault_named, revert_fully, target_count
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
    Unsupported,
    Verdict,
    no_report,
)
from subjects.tikv import state
from subjects.tikv.chaos import OFFERED_FAULTS, OfferedFault, leadership_note, offer_plugin
from subjects.tikv.members import options
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd, require_readable_regions
from subjects.tikv.members.queries import ROLES, TIKV
from subjects.tikv.oracle.prober import TikvProber
from subjects.tikv.reset.recreate import recreate
from subjects.tikv.reset.reset import KnownState, note_attempt_end, restore
from subjects.watching.polling import PollSettings
from subjects.watching.stream import VerdictStream
from subjects.workloads import MIN_MEMBERS

ACCORDING_TO_STORES = "the stores' own word (nobody wrote)"
"""The source of *serving* where no client of ours writes. Sentences about an attempt repeat it."""


class TikvSubject:
    """PD and TiKV in one namespace: two StatefulSets. Unsupported where the campaign's options make no sense."""

    def __init__(self, context: SubjectContext, polling: PollSettings | None = None) -> None:
        self._context = context
        self._options = options.check(context.options)
        self._polling = polling or PollSettings()
        self._endpoints = Endpoints(context, self._options)
        self._pd = Pd(self._endpoints)
        self._known = KnownState()
        self._images = KnownImages()
        self._offers = {**OFFERED_FAULTS, **{name: offer_plugin(fault) for name, fault in context.faults.items()}}
        self._topology: Topology | None = None

    async def _known_topology(self) -> Topology:
        """Returns the StatefulSets as the last reset found them. Later changes do not change what is expected."""
        if self._topology is None:
            self._topology = await self._endpoints.find()
        return self._topology

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        """Returns the types of chaos that TiKV offers, by name."""
        return {name: offer.fault.chaos_type for name, offer in self._offers.items()}

    async def check_ready(self) -> None:
        """Returns when both StatefulSets are there with enough members, each with a pod; else SubjectNotReady.

        Where every attempt begins with an empty system, one that an earlier reset left stopped will do. Unsupported
        where what is asked for cannot be had from where we are.
        """
        if not self._context.cluster.reaches_pods and (asked := self._options.only_inside):
            raise Unsupported(f"{asked} needs a controller that runs in the cluster, and this one does not")
        topology = await self._endpoints.find(stopped_too=self._options.recreate)
        await require_readable_regions(self._endpoints)
        for role in ROLES:
            pods = await self._endpoints.pods(role)
            if missing := [name for name in member_names(topology.of(role)) if name not in pods]:
                raise SubjectNotReady(f"there is no pod yet for {', '.join(missing)}")

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        """Returns how many members the chaos hits, of how many that vote together: those of PD, or of one region.

        PD says how many replicas a region has; that is known from the first reset on. A StatefulSet that a reset left
        stopped counts with the members it had, or with the fewest there can be.
        """
        offer = fault_named("tikv", self._offers, chaos)
        role = offer.role
        found = (await self._endpoints.find(stopped_too=self._options.recreate)).of(role).replicas
        members = found or self._known.replicas.get(role, MIN_MEMBERS)
        hit = target_count(params) if offer.fault.takes_members else 0
        return BlastRadius(hit, members, self._voting(role, members))

    def _voting(self, role: str, members: int) -> int:
        replicas = self._known.region_replicas if role == TIKV else 0
        return min(members, replicas or members)

    async def _voters(self, role: str) -> Voters:
        names = member_names((await self._known_topology()).of(role))
        return Voters(self._options.selectors[role], names, self._voting(role, len(names)))

    async def reset(self, report: Report = no_report) -> None:
        """Empties the system where the campaign asks for it, waits for every member's pod, and spreads the leaders."""
        if self._options.recreate:
            await recreate(self._endpoints, self._pd, self._known, self._polling.period)
        topology = self._topology = await self._endpoints.find()
        await restore(self._endpoints, self._pd, topology, self._known, self._polling, report)

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        """Returns the verdict that completes `settle_seconds` of health, and remembers the images of the pods then."""
        verdict = await wait_until_healthy(self._watch(None), settle_seconds, on_verdict)
        pods = [await self._endpoints.pods(role) for role in ROLES]
        self._images.replace_all(pod for of_role in pods for pod in of_role.values())
        return verdict

    def watch_health(self) -> AsyncGenerator[Verdict]:
        """Yields verdicts without end, from watches and polls of its own."""
        return self._watch(self._images)

    def _watch(self, images: KnownImages | None) -> AsyncGenerator[Verdict]:
        prober = TikvProber(
            self._endpoints,
            topology=self._known_topology,
            polling=self._polling,
            cluster_id=lambda: self._known.cluster_id,
            images=images,
            known_tombstones=lambda: self._known.before.tombstones if self._known.before is not None else frozenset(),
        )
        return VerdictStream(self._context, prober).verdicts()

    async def capture_state(self) -> Mapping[str, Json]:
        """Returns pods, members, stores, regions and where leaders are, as JSON."""
        found = await state.capture(self._endpoints, await self._known_topology(), self._polling.timeout)
        return found if self._options.writes else {**found, "servingAccordingTo": ACCORDING_TO_STORES}

    def _fault_context(self, offer: OfferedFault) -> FaultContext:
        context, selector = self._context, self._options.selectors[offer.role]
        # Both roles have a container of their own name.
        return FaultContext(context.cluster, context.namespace, context.now, selector, offer.role, context.images)

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        """Returns a fault for members drawn by `rng` among those that the chaos selects now. Changes nothing."""
        offer = fault_named("tikv", self._offers, chaos)
        workload = (await self._known_topology()).of(offer.role)
        selection = await offer.select(self._pd, member_names(workload), params)
        pods = await self._endpoints.pods(offer.role)
        candidates = Candidates(selection.names, pods, self._images.by_uid, selection.facts, leadership_note)
        return await offer.fault.plan(self._fault_context(offer), candidates, params, rng)

    async def inject_chaos(self, fault: Fault) -> datetime:
        """Applies the plan if its targets are unchanged; returns when the accepted request was sent (UTC)."""
        offer = fault_named("tikv", self._offers, fault.chaos)
        voters = await self._voters(offer.role) if offer.fault.takes_members else None
        return await offer.fault.inject(self._fault_context(offer), fault, voters)

    async def cleanup_chaos(self, fault: Fault) -> None:
        """Reverts the fault by its record alone; returns when nothing of it is left."""
        offer = fault_named("tikv", self._offers, fault.chaos)
        await revert_fully(offer.fault, self._fault_context(offer), fault, self._polling.period)

    async def end_attempt(self) -> None:
        """Notes what the attempt leaves in PD and in the stores' settings."""
        await note_attempt_end(self._endpoints, self._pd, await self._known_topology(), self._known, self._polling)

    async def close(self) -> None:
        """Does nothing: connections belong to the cluster."""
