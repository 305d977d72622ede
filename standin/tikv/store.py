"""A TiKV store: one process with its volume. It joins the cluster, plays its part in the regions, and reports to PD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from ..node import Node, following
from ..raft.message import Message
from .commands import obey
from .disk import Kept
from .inbox import Inbox
from .joining import join
from .link import PATIENCE_SECONDS, PdLink
from .replica import Replica
from .requests import Requests, refusal
from .settings import Settings


class Store(Node):
    """`kept` is what is on the volume; load it before the first tick."""

    def __init__(
        self,
        address: str,
        pd: Sequence[str],
        settings: Settings,
        random: Random,
        about: Mapping[str, Any],
        measure: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """`about`: what PD lists of a store besides id and address. `measure`: capacity, available, used, in bytes."""
        super().__init__(address)
        self.settings = settings
        self.kept = Kept(settings, random)
        self.link = PdLink(pd)
        self.joined = False
        self.asked = 0
        """The number of the last question on the way into the cluster."""
        self.about = about
        self.addresses: dict[int, str] = {}
        self._unanswered_since: float | None = None
        """A heartbeat that was lost is said again to the next leader that is found, if that is soon."""
        self.requests = Requests()
        self._measure = measure
        self.inbox = Inbox(self)
        self._raft_due = self._store_due = self._region_due = 0.0

    def start(self, now: float) -> None:
        self._raft_due = now + self.settings.tick
        self._store_due = now + self.settings.store_heartbeat
        self._region_due = now + self.settings.region_heartbeat
        self.due = now

    def tick(self, now: float) -> None:
        if self.joined and now >= self._raft_due:
            self._raft_due = following(self._raft_due, self.settings.tick, now)
            for replica in tuple(self.kept.replicas.values()):
                replica.peer.tick()
                self.settle(now, replica)
        if self.link.wants_to_ask(now):
            self.ask_pd(now)
        if self.joined and now >= self._store_due:
            self._store_due = following(self._store_due, self.settings.store_heartbeat, now)
            self._report(now)
        if self.joined and now >= self._region_due:
            self._region_due = following(self._region_due, self.settings.region_heartbeat, now)
            self.report_regions(now)
        own = (self._raft_due, self._store_due, self._region_due) if self.joined else ()
        self.due = min([self.link.due, *own])

    def ask_pd(self, now: float) -> None:
        """Who leads PD; and, until it has let this store in, to be let in."""
        if self.joined:
            self.to_pd(now, {"kind": "who"})
        else:
            self.ask_to_join(now, {"kind": "join"})

    def ask_to_join(self, now: float, message: dict[str, Any]) -> None:
        """With a number, for what is asked twice must not be answered twice: two names would be one too many."""
        self.asked += 1
        own = {"cluster": self.kept.cluster, "id": self.kept.id, "address": self.address, **self.about}
        self.to_pd(now, {**message, **own, "number": self.asked})

    def to_pd(self, now: float, message: dict[str, Any]) -> None:
        self.link.expect(now)
        self.send(self.link.address, message)

    def _report(self, now: float) -> None:
        replicas = [replica for replica in self.kept.replicas.values() if replica.region.peers]
        counts = {"regions": len(replicas), "leaders": sum(replica.leads for replica in replicas)}
        if self.link.good:
            self._unanswered_since = now
            self.to_pd(now, {"kind": "store_heartbeat", "id": self.kept.id, **counts, **self._measure()})

    def report_regions(self, now: float) -> None:
        for replica in self.kept.replicas.values():
            if replica.leads and self.link.good:
                self.send(self.link.address, replica.heartbeat(now))

    def receive(self, now: float, sender: str, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "raft":
                self.inbox.deliver(now, message)
            case "gone":
                self.inbox.leave(message)
            case _ if sender != self.link.address:
                pass
            case "not_leader":
                self.link.redirect(now, message["leader"])
            case "leader":
                self._greet(now, message)
            case "named" | "begin" | "joined" | "refused":
                join(self, now, message)
            case _:
                obey(self, now, message)
        if self.link.due < self.due:
            self.due = self.link.due

    def _greet(self, now: float, message: dict[str, Any]) -> None:
        """PD's leader answered. One that is new, or that we had lost, is told of all regions at once."""
        self.addresses = {int(store): address for store, address in message["stores"].items()}
        if self.link.answered():
            self.report_regions(now)
            if self._unanswered_since is not None and now - self._unanswered_since < PATIENCE_SECONDS:
                self._report(now)
        else:
            self._unanswered_since = None

    def unreachable(self, now: float, address: str) -> None:
        if address == self.link.address:
            self.link.lose(now)
            self.due = min(self.due, self.link.due)

    def ask(self, now: float, ticket: int, question: Any) -> None:
        replica = self.kept.replicas.get(question["region"])
        error = refusal(question, self.kept.id, replica)
        if error is None and replica is not None:
            error = self.requests.propose(ticket, question, replica)
            self.settle(now, replica)
        if error is not None:
            self.reply(ticket, {"region": question["region"], **error})

    def settle(self, now: float, replica: Replica) -> None:
        """Pass on what the replica's peer did: to disk, to the other peers, to clients, to PD."""
        born = self.kept.note(replica.region.id)
        applied, replica.peer.applied_now = replica.peer.applied_now, []
        for ticket, answer in self.requests.settle(replica, applied):
            self.reply(ticket, {"region": replica.region.id, **answer})
        outbox, replica.peer.outbox = replica.peer.outbox, []
        for message in outbox:
            self._post(replica, message)
        if replica.region.peers and replica.region.on(self.kept.id) is None:
            self.kept.drop(replica.region.id, replica.region.conf_ver)
            return
        for child in born:
            if replica.leads:
                child.peer.campaign()
            self.settle(now, child)
            for early in self.inbox.take_early(child.region.id):
                self.inbox.deliver(now, early)
        outline = replica.outline()
        if outline != replica.told:
            replica.told = outline
            if outline is not None and self.link.good:
                self.send(self.link.address, replica.heartbeat(now))

    def _post(self, replica: Replica, message: Message) -> None:
        region = replica.region
        to = replica.place(message.to)
        if to is None or (address := self.addresses.get(to.store)) is None:
            return
        envelope = {name: getattr(region, name) for name in ("conf_ver", "version", "start", "end")}
        ends = {"from": [replica.peer.id, self.kept.id], "to": to.to_json()}
        self.send(address, {"kind": "raft", "region": region.id, **ends, **envelope, "m": message.to_json()})

    def take_facts(self) -> list[list[Any]]:
        facts, self.kept.facts = self.kept.facts, []
        return facts
