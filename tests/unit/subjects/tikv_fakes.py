"""A small TiKV in a small Kubernetes, in memory, and subjects in it.

Its answers have the shape of those a real cluster gave. What must never happen to a real one (old data beside new) is
noted in `mishaps`.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Workload
from subjects.guard import GuardedCluster
from subjects.pods import ordinal
from subjects.protocol import Fault, SubjectContext, SubjectOptions
from subjects.tikv.members.options import SELECTORS
from subjects.tikv.subject import TikvSubject
from subjects.watching.polling import PollSettings
from tests.unit.subjects.statefulsets import StatefulSets
from tests.unit.subjects.tikv_http import ask_pd, ask_store, peer, region, store

IMAGES = {"pd": "pd:8.5", "tikv": "tikv:8.5"}
PAUSE = "pause:3.10"
PACE = PollSettings(period=0.0005, timeout=0.02)
PDS = ("pd-0", "pd-1", "pd-2")
STORES = ("tikv-0", "tikv-1", "tikv-2")
KEYS = ("2A", "55", "80", "AA", "D5")

HANG = object()
"""Scripted in place of an answer: none comes."""


@dataclass
class Data:
    """What PD keeps: the stores and the regions by id, each as PD shows it."""

    cluster_id: int
    stores: dict[int, dict[str, Any]] = field(default_factory=dict)
    regions: dict[int, dict[str, Any]] = field(default_factory=dict)


class FakeTikv(StatefulSets):
    """As after a long quiet run: all Ready; stores 1, 2, 3, …; regions 10, 20, … that begin at `keys`, all led by 1."""

    def __init__(self, pds: int = 3, stores: int = 3, keys: Sequence[str] = KEYS) -> None:
        sizes = {"pd": pds, "tikv": stores}
        super().__init__(
            {name: Workload(name, sizes[name], {name: IMAGES[name]}, ("data",), f"{name}-peer") for name in sizes},
            SELECTORS,
        )
        self.pd_leader: str | None = "pd-0"
        self.schedulers = {"balance-leader-scheduler", "balance-region-scheduler", "evict-slow-store-scheduler"}
        self.pd_config: dict[str, dict[str, Any]] = {
            "schedule": {
                "leader-schedule-limit": 4,
                "enable-witness": "false",
                "store-limit": {},
                "store-limit-version": "v1",
                "schedulers-v2": [],
            },
            "replication": {"max-replicas": 3, "location-labels": ""},
        }
        self.store_configs: dict[str, dict[str, Any]] = {}
        self.unchangeable: set[str] = set()
        self.obeys_transfers = True
        self.region_count: int | None = None
        """What PD counts, where it is to count others than there are."""
        self.replicates = True
        self.mishaps: list[str] = []
        self.script: dict[tuple[str, str], Any] = {}
        """(pod or "*", path or "*") to an Answer, an exception or HANG."""
        self.on_path: dict[str, Callable[[], object]] = {}
        """What else happens when a path is asked for."""
        self.data = Data(7000)
        self.keep_workloads()
        self.pods = {name: replace(pod, ready=True) for name, pod in self.pods.items()}
        self.claims |= {claim: 7000 for claim in self.claims if claim.startswith("data-pd")}
        for number in range(stores):
            self._register(f"tikv-{number}", number + 1)
        peers = [peer(number) for number in self.data.stores]
        for number, (start, end) in enumerate(itertools.pairwise(["", *keys, ""]), 1):
            self.data.regions[number * 10] = region(number * 10, start, end, peers)
        self.work()

    def context(self, **options: Any) -> SubjectContext:
        recreates = options.get("reset") == "recreate"
        cluster = GuardedCluster(self, self.refuses, self.allow_quorum_loss, recreates)  # type: ignore[arg-type]
        return SubjectContext(cluster, "tikv", lambda: datetime.now(UTC), {"pause": PAUSE}, SubjectOptions(**options))

    def appear(self, name: str) -> None:
        super().appear(name)
        self.store_configs[name] = {"log": {"level": "info"}, "gc": {"ratio-threshold": 1.1, "batch-keys": 512}}

    # Who leads -------------------------------------------------------------------------------------------------------

    def lead(self, *stores: int | None) -> None:
        """The regions' leaders, in the order of the regions' ids."""
        for (_, led), number in zip(sorted(self.data.regions.items()), stores, strict=True):
            led["leader"] = peer(number) if number is not None else {}

    def leaders(self) -> list[int | None]:
        """The stores that lead the regions, in the order of the regions' ids."""
        return [led["leader"].get("store_id") for _, led in sorted(self.data.regions.items())]

    def boundaries(self) -> list[str]:
        """Where regions begin, but for the first."""
        return sorted(one["start_key"] for one in self.data.regions.values())[1:]

    def replace_data(self, cluster_id: int) -> None:
        """Other data of the same shape, in PD and in all stores."""
        self.data.cluster_id = cluster_id
        kept = {claim: value if isinstance(value, int) else value[1] for claim, value in self.claims.items()}
        self.claims = {
            claim: cluster_id if claim.startswith("data-pd") else (cluster_id, value) for claim, value in kept.items()
        }

    # PD and the stores at work ---------------------------------------------------------------------------------------

    def work(self) -> None:
        if self.workloads.keys() < {"pd", "tikv"}:
            return
        self._run_pd()
        if self.pd_leader is not None:
            self._run_stores()

    def _run_pd(self) -> None:
        """A majority elects a leader. Where all begin with nothing, they found a cluster; nobody joins one later."""
        names = [f"pd-{number}" for number in range(self.workloads["pd"].replicas)]
        running = [name for name in names if self.runs(name)]
        if not running or len(running) <= len(names) // 2:
            self.pd_leader = None
            return
        kept = {self.claims[f"data-{name}"] for name in running}
        if kept == {None}:
            if len(running) < len(names):
                return
            self.data = Data(self.data.cluster_id + 1)
            self.claims |= {f"data-{name}": self.data.cluster_id for name in names}
        elif None in kept:
            self.mishaps.append("a member of PD without data met one with data")
        if self.pd_leader not in running:
            self.pd_leader = running[0]

    def _run_stores(self) -> None:
        hosts = {number: each["store"]["address"].partition(".")[0] for number, each in self.data.stores.items()}
        for name in [name for name in self.pods if ordinal("tikv", name) is not None and self.runs(name)]:
            kept = self.claims[f"data-{name}"]
            if kept is None and name in hosts.values():
                self.mishaps.append("a store without data came back under its old address")
            elif kept is None:
                self._register(name, max(self.data.stores, default=0) + 1)
            elif kept[0] != self.data.cluster_id:
                self.mishaps.append("a store with old data met a new PD")
        for number, name in hosts.items():
            seen, status = self.data.stores[number]["store"], self.data.stores[number].setdefault("status", {})
            if seen["state_name"] in ("Up", "Disconnected"):
                seen["state_name"] = "Up" if self.runs(name) else "Disconnected"
            status["leader_count"] = self.leaders().count(number)
            status["region_count"] = len(self.data.regions)
        for each in self.data.regions.values():
            missing = sorted(self.data.stores.keys() - {one["store_id"] for one in each["peers"]})
            if missing and self.replicates and len(each["peers"]) < 3:
                each["peers"].append(peer(missing[0]))

    def _register(self, name: str, number: int) -> None:
        self.claims[f"data-{name}"] = (self.data.cluster_id, number)
        self.data.stores[number] = store(number, name)
        if not self.data.regions and len(self.data.stores) == 1 and self.calls:
            self.data.regions[10] = region(10, "", "", [peer(number)])

    # HTTP ------------------------------------------------------------------------------------------------------------

    async def ask_member(self, request: MemberRequest) -> Answer:
        pod, port, path, timeout, body = request.pod, request.port, request.path, request.timeout, request.body
        method = request.http_method
        await self.request("ask_member", pod.name, method, path, body)
        await self.answered()
        self.on_path.get(path, lambda: None)()
        for key in ((pod.name, path), (pod.name, "*"), ("*", path), ("*", "*")):
            if key in self.script:
                return await self._scripted(self.script[key], timeout)
        if not self.runs(pod.name) or self.pods[pod.name].uid != pod.uid:
            raise MemberUnreachable("connection refused")
        ask = ask_pd if port == 2379 else ask_store
        return copy.deepcopy(ask(self, pod.name, method, path, body))

    async def _scripted(self, scripted: Any, timeout: float) -> Answer:
        if isinstance(scripted, Answer):
            return scripted
        if isinstance(scripted, Exception):
            raise scripted
        await asyncio.sleep(timeout)
        raise MemberUnreachable(f"no answer within {timeout:g} s")


def subject_in(
    cluster: FakeTikv,
    context: SubjectContext | None = None,
    polling: PollSettings = PACE,
    **options: Any,
) -> TikvSubject:
    """In a process of its own, so to speak: it knows nothing of what another subject object remembers."""
    return TikvSubject(context or cluster.context(**options), polling)


async def planned(cluster: FakeTikv, chaos: str, seed: int = 1, **params: Any) -> Fault:
    """A fault, planned by a new subject."""
    subject = subject_in(cluster)
    checked = subject.get_chaos_types()[chaos].params.model_validate(params)
    return await subject.plan_chaos(chaos, checked, Random(seed))
