"""A TiKV as it looks when nothing is wrong, answer by answer, for tests that spoil one thing at a time.

What it answers has the shape of a real PD and TiKV (v8.5); `tests/recordings` holds whole answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from subjects.cluster import Answer, Pod, Workload
from subjects.protocol import Verdict
from subjects.tikv.members.endpoints import Topology
from subjects.tikv.members.queries import (
    ALIVE,
    CLUSTER,
    CLUSTER_STATUS,
    HEALTH,
    MEMBERS,
    PD,
    PING,
    REGIONS,
    STATUS_PORT,
    STORES,
    TIKV,
    TikvQuery,
    region_status,
)
from subjects.tikv.oracle.observations import TikvObservations, WriteResult
from subjects.tikv.oracle.verdict import assess
from subjects.watching.polling import QueryResult

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
IMAGES = {PD: "pingcap/pd:v8.5.5", TIKV: "pingcap/tikv:v8.5.5"}
STORE_IDS = {"tikv-0": 1, "tikv-1": 7, "tikv-2": 2}
LEADERS = {3: "tikv-0", 8: "tikv-1", 10: "tikv-2"}
CLUSTER_ID = 7711255891253253152
HEARTBEAT_NS = 1795421611570352704

GONE = None
"""In place of an answer: there is no reply at all, none has come yet."""


def names(role: str) -> list[str]:
    return [f"{role}-{ordinal}" for ordinal in range(3)]


def pod(role: str, name: str, **fields: Any) -> Pod:
    made = Pod(name, f"uid-{name}", True, False, "10.0.0.1", {role: IMAGES[role]})
    return replace(made, **fields)


def store(name: str, state: str = "Up", **more: Any) -> dict[str, Any]:
    meta = {
        "id": STORE_IDS[name],
        "address": f"{name}.tikv-peer.tikv.svc.cluster.local:20160",
        "status_address": f"{name}.tikv-peer.tikv.svc.cluster.local:20180",
        "version": "8.5.5",
        "last_heartbeat": HEARTBEAT_NS,
        "state_name": state,
    }
    return {"store": meta | more, "status": {"capacity": "11.77GiB", "leader_count": 1, "region_count": 3}}


def region_of(region_id: int, leader: str | None, **more: Any) -> dict[str, Any]:
    peers = [{"id": 100 + id_, "store_id": id_, "role_name": "Voter"} for id_ in STORE_IDS.values()]
    led = {} if leader is None else {"id": 100, "store_id": STORE_IDS[leader], "role_name": "Voter"}
    return {"id": region_id, "start_key": "", "end_key": "", "peers": peers, "leader": led} | more


def leads(yes: bool = True) -> Answer:
    return Answer(200, {"raft_status": {"soft_state": {"raft_state": "Leader" if yes else "Follower"}}})


class World:
    """`pods` by role and name; `answers` by pod name and question: an Answer, an error text, or GONE."""

    def __init__(self) -> None:
        self.topology = Topology(
            Workload("pd", 3, {PD: IMAGES[PD]}, service="pd-peer"),
            Workload("tikv", 3, {TIKV: IMAGES[TIKV]}, service="tikv-peer"),
        )
        self.pods = {role: {name: pod(role, name) for name in names(role)} for role in (PD, TIKV)}
        self.images = {pod.uid: pod.images for pods in self.pods.values() for pod in pods.values()}
        self.stores = {name: store(name) for name in names(TIKV)}
        self.regions = {id_: region_of(id_, leader) for id_, leader in LEADERS.items()}
        self.members = [{"name": name, "client_urls": [f"http://{name}:2379"]} for name in names(PD)]
        self.health = dict.fromkeys(names(PD), True)
        self.leader: str | None = "pd-0"
        self.answers: dict[tuple[str, TikvQuery], Answer | str | None] = {}
        self.writes: dict[int, WriteResult | None] | None = None
        self.cluster_id: int | None = CLUSTER_ID
        self.initialized = True

    def change(self, role: str, name: str, **fields: Any) -> None:
        self.pods[role][name] = replace(self.pods[role][name], **fields)

    def say(self, name: str, query: TikvQuery, answer: Answer | str | None) -> None:
        self.answers[name, query] = answer

    def hush(self, name: str, error: str = "no answer within 1 s") -> None:
        """The member answers nothing any more."""
        for query in self._queries(name):
            self.answers[name, query] = error

    def forget(self, name: str) -> None:
        """The member was not asked anything yet."""
        for query in self._queries(name):
            self.answers[name, query] = GONE

    def leaderless(self) -> None:
        """As PD's members answer while none of them leads: themselves, and nothing that the leader knows."""
        self.leader = None
        for name in names(PD):
            for query in (MEMBERS, STORES, REGIONS, CLUSTER, CLUSTER_STATUS):
                self.say(name, query, Answer(503, "no leader"))

    def verdict(self) -> Verdict:
        return assess(AT, self.observations())

    def reasons(self) -> set[str]:
        return {problem.reason for problem in self.verdict().problems}

    def blamed(self, reason: str) -> set[str | None]:
        return {problem.member for problem in self.verdict().problems if problem.reason == reason}

    def observations(self) -> TikvObservations:
        results = {f"uid-{name}": self._results(name) for role in (PD, TIKV) for name in self.pods[role]}
        return TikvObservations(
            topology=self.topology,
            pods=self.pods,
            results=lambda uid: results.get(uid, {}),
            confirmation=lambda uid, query: results.get(uid, {}).get(query),
            clock=2.0,
            writes=self.writes,
            cluster_id=self.cluster_id,
            images=self.images,
        )

    def _results(self, name: str) -> dict[TikvQuery, QueryResult]:
        told = {query: self._answer(name, query) for query in self._queries(name)}
        told |= {query: answer for (who, query), answer in self.answers.items() if who == name}  # type: ignore[misc]
        return {
            query: QueryResult(1.0, None, answer) if isinstance(answer, str) else QueryResult(1.0, answer)
            for query, answer in told.items()
            if answer is not GONE
        }

    def _queries(self, name: str) -> list[TikvQuery]:
        if name.startswith("pd"):
            return [PING, MEMBERS] + [HEALTH, STORES, REGIONS, CLUSTER, CLUSTER_STATUS] * (name == self.leader)
        return [ALIVE, *(region_status(id_, STATUS_PORT) for id_ in self.regions)]

    def _answer(self, name: str, query: TikvQuery) -> Answer:
        leader = next((each for each in self.members if each["name"] == self.leader), None)
        told: dict[TikvQuery, Any] = {
            PING: None,
            ALIVE: None,
            MEMBERS: {"header": {"cluster_id": CLUSTER_ID}, "members": self.members, "leader": leader},
            HEALTH: [{"name": member, "health": health} for member, health in self.health.items()],
            STORES: {"count": len(self.stores), "stores": list(self.stores.values())},
            REGIONS: {"count": len(self.regions), "regions": list(self.regions.values())},
            CLUSTER: {"id": CLUSTER_ID, "max_peer_count": 3},
            CLUSTER_STATUS: {"is_initialized": self.initialized},
        }
        if query in told:
            return Answer(200, told[query])
        region_id = int(query.path.rpartition("/")[2])
        return leads(self.regions[region_id]["leader"].get("store_id") == STORE_IDS[name])
