"""Six hosts as the recorded cluster had them, with its configuration: three of PD, three of TiKV, named as its pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, cast

from standin import VERSION
from standin.pd import settings as pd_settings
from standin.pd.api import Http, answer
from standin.pd.api.routes import V1
from standin.pd.member import Member
from standin.pd.peers import Ends
from standin.tikv.settings import Settings
from standin.tikv.store import Store

from .world import World

PDS = ("pd-0", "pd-1", "pd-2")
TIKVS = ("tikv-0", "tikv-1", "tikv-2")

DOMAIN = {name: f"{name}.{name.split('-')[0]}-peer.tikv.svc.cluster.local" for name in (*PDS, *TIKVS)}

RECORDED_PD = {"schedule": {"max-store-down-time": "1m"}}
RECORDED_TIKV = {"raftstore": {"pd-store-heartbeat-tick-interval": "2s", "pd-heartbeat-tick-interval": "5s"}}


def _http(method: str, path: str, body: Any = None) -> Http:
    path, _, query = path.partition("?")
    fields = [part.partition("=") for part in query.split("&") if part]
    return Http(method, V1 + path, {name: (value,) for name, _, value in fields}, body)


class Cluster:
    """Everything is asked for at once and found in the world's time."""

    def __init__(
        self,
        seed: int,
        pd: Mapping[str, Any] = RECORDED_PD,
        tikv: Mapping[str, Any] = RECORDED_TIKV,
        by_json: bool = False,
    ) -> None:
        self.world = World(seed, by_json)
        self.store_names: dict[int, str] = {}
        """By id, once started; who asks the live members may find none."""
        self._pd, self._tikv = pd, tikv
        ends = {name: Ends(f"{DOMAIN[name]}:2380", f"{DOMAIN[name]}:2379") for name in PDS}
        for name in PDS:
            made = partial(self._make_member, name, ends)
            self.world.add(name, (ends[name].client, ends[name].peer), made, calls=False)
        for name in TIKVS:
            make = partial(self._make_store, name, [end.client for end in ends.values()])
            self.world.add(name, (f"{DOMAIN[name]}:20160",), make, calls=True)

    def _make_member(
        self, name: str, ends: Mapping[str, Ends], now: float, checkpoint: Any, facts: list[Any]
    ) -> Member:
        random = Random(self.world.random.random())
        member = Member(name, ends, pd_settings.from_toml(self._pd), random)
        member.load(checkpoint, facts)
        member.start(now)
        return member

    def _make_store(self, name: str, pd: list[str], now: float, checkpoint: Any, facts: list[Any]) -> Store:
        random = Random(self.world.random.random())
        about = {"status_address": f"{DOMAIN[name]}:20180", "version": VERSION, "start_timestamp": int(now)}
        store = Store(f"{DOMAIN[name]}:20160", pd, Settings.from_toml(self._tikv), random, about)
        store.kept.load(checkpoint, facts)
        store.due = now
        return store

    def start(self) -> None:
        """All six within two seconds, up to three replicas of every region."""
        for name in self.world.hosts:
            self.world.after(self.world.random.uniform(0, 2), partial(self.world.start, name))
        self.world.run_until(self.is_replicated, 60)
        self.store_names = self.names()

    def is_replicated(self) -> bool:
        regions = self.regions()
        return len(regions) == 5 and all(len(r["peers"]) == 3 and "pending_peers" not in r for r in regions)

    # Looking at it from outside, without a delay.

    def store(self, name: str) -> Store | None:
        return cast("Store | None", self.world.hosts[name].node)

    def lead(self) -> Member | None:
        """The member that leads PD, as far as one that is not frozen or cut off does."""
        for name in PDS:
            host = self.world.hosts[name]
            member = cast("Member | None", host.node)
            if member is not None and member.lead is not None and not host.frozen:
                return member
        return None

    def get(self, path: str) -> Any:
        """The body of what PD's leader answers; None without a leader, or where it answers with an error."""
        member = self.lead()
        if member is None or member.lead is None:
            return None
        found = answer(member.lead, self.world.now, 0, _http("GET", path))
        return found.body if found is not None and found.status == 200 else None

    def ask(self, member: str, method: str, path: str, body: Any = None, **how: bool) -> Any:
        """What the member replies, which takes its time. `how`: follower or forwarded."""
        replies: list[Any] = []
        question: Any = _http(method, path, body)
        self.world.ask(member, replace(question, **how), replies.append)
        self.world.run_until(lambda: bool(replies), 10)
        return replies[0]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """To PD's leader. The body of its answer, which must be a good one."""
        member = self.lead()
        assert member is not None
        reply = self.ask(member.name, method, path, body)
        assert reply.status == 200, reply
        return reply.body

    def regions(self) -> list[dict[str, Any]]:
        told = self.get("/regions")
        return sorted(told["regions"], key=lambda region: region["start_key"]) if told else []

    def names(self) -> dict[int, str]:
        """Stores' names by id."""
        told = self.get("/stores")
        return {s["store"]["id"]: s["store"]["address"].split(".")[0] for s in told["stores"]} if told else {}

    def states(self) -> dict[str, str]:
        """Of stores, by name, as PD says."""
        told = self.get("/stores")
        return {s["store"]["address"].split(".")[0]: s["store"]["state_name"] for s in told["stores"]} if told else {}

    def leaders(self) -> dict[int, str]:
        """By region: the store PD names."""
        names = self.names()
        return {r["id"]: names[r["leader"]["store_id"]] for r in self.regions() if "store_id" in r["leader"]}

    def believers(self) -> dict[int, list[str]]:
        """By region: the stores that call themselves its leader, of those that answer."""
        found: dict[int, list[str]] = {}
        for name in TIKVS:
            store = self.store(name)
            if store is not None and store.joined and not self.world.hosts[name].frozen:
                for id, replica in store.kept.replicas.items():
                    if replica.leads:
                        found.setdefault(id, []).append(name)
        return found

    def move_leader(self, region: int, store: str) -> None:
        """As an operator by hand does."""
        ids = {name: id for id, name in self.names().items()}
        if self.leaders().get(region) == store:
            return
        self.send("POST", "/operators", {"name": "transfer-leader", "region_id": region, "to_store_id": ids[store]})
        self.world.run_until(lambda: self.leaders().get(region) == store, 10)
