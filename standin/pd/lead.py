"""What a member does for as long as it is PD's leader. What is only in here is forgotten when it is not any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..region import Region
from . import checker
from .api import Answer, Http, answer
from .cluster import Cluster, Refused
from .ledger import OFFLINE, TOMBSTONE, Ledger, RegionRecord
from .operators import Operators

if TYPE_CHECKING:
    from .member import Member

BURIAL_SECONDS = 10.0
"""Between two looks for stores that went Offline and hold nothing any more."""

See = Callable[[bool], Answer | None]
"""Whether what was waited for is there; asked with True when the time is over."""


class Lead:
    def __init__(self, member: Member, ledger: Ledger, now: float) -> None:
        self.member = member
        self.cluster = Cluster(ledger)
        self.operators = Operators(self.cluster, self._say)
        self.shuffle = member.random.shuffle
        self._saved: list[tuple[int, Callable[[], None]]] = []
        """What is done when the log is committed up to an index."""
        self._watched: list[tuple[float, int, See]] = []
        self._burial = now + BURIAL_SECONDS

    # Time, and what was agreed.

    def tick(self, now: float) -> None:
        if self.cluster.ledger.bootstrapped:
            self.patrol(now)
            if now >= self._burial:
                self._burial = now + BURIAL_SECONDS
                self._bury()
        self._look(now)
        self.after_save(lambda: None)

    def patrol(self, now: float) -> None:
        for record in self.cluster.regions():
            if record.region.id in self.operators.running:
                continue
            if (operator := checker.needed(now, self.cluster, record)) is not None:
                self.operators.add(now, operator)
        self.operators.push(now, self.operators.running)

    def _bury(self) -> None:
        for store in self.cluster.ledger.stores.values():
            if store.state == OFFLINE and not self.cluster.holds(store.id):
                store.state = TOMBSTONE
                self.cluster.dirty = True

    def after_save(self, action: Callable[[], None]) -> None:
        """Do it when a majority has the ledger as it is now: at once where nothing changed."""
        if self.cluster.dirty:
            self.cluster.dirty = False
            index = self.member.propose(self.cluster.ledger)
            self._saved.append((index, action))
        elif self._saved:  # not before what it may rest on
            self._saved.append((self._saved[-1][0], action))
        else:
            action()

    def committed(self, index: int) -> None:
        while self._saved and self._saved[0][0] <= index:
            self._saved.pop(0)[1]()

    def watch(self, now: float, ticket: int, seconds: float, see: See) -> None:
        self._watched.append((now + seconds, ticket, see))
        self._look(now)

    def _look(self, now: float) -> None:
        for watched in tuple(self._watched):
            deadline, ticket, see = watched
            if (found := see(now >= deadline)) is not None:
                self._watched.remove(watched)
                self.member.reply(ticket, found)

    # Questions by HTTP.

    def ask(self, now: float, ticket: int, http: Http) -> None:
        found = answer(self, now, ticket, http)
        if found is None:
            self.after_save(lambda: None)
        else:
            self.after_save(lambda: self.member.reply(ticket, found))

    # What stores say.

    def receive(self, now: float, sender: str, message: dict[str, Any]) -> None:
        kind, ledger = message["kind"], self.cluster.ledger
        if kind == "join":
            self._join(now, sender, message)
        elif kind == "bootstrap":
            self._bootstrap(now, sender, message)
        elif kind == "who":
            self._greet(sender)
        elif ledger.bootstrapped and kind == "store_heartbeat":
            self.cluster.hear_store(now, message)
            self.after_save(lambda: self._greet(sender))
        elif ledger.bootstrapped and kind == "region_heartbeat" and self.cluster.hear_region(message):
            self.operators.push(now, (message["region"]["id"],))
            self._look(now)
            self.after_save(lambda: None)

    def _greet(self, store: str) -> None:
        self.member.send(store, {"kind": "leader", "stores": self.cluster.addresses()})

    def _say(self, store: int, command: dict[str, Any]) -> None:
        """A command names a region; it must not get there before what it rests on is agreed."""
        if (record := self.cluster.ledger.stores.get(store)) is not None:
            self.after_save(lambda: self.member.send(record.address, command))

    def _join(self, now: float, sender: str, message: dict[str, Any]) -> None:
        ledger, cluster = self.cluster.ledger, message["cluster"]
        told: dict[str, Any]
        if cluster not in (0, ledger.cluster):
            told = _refusal(f"cluster ID mismatch, local {cluster} != remote {ledger.cluster}")
        elif not message["id"]:
            told = {"kind": "named", "cluster": ledger.cluster, "id": self.cluster.new_id()}
        elif not ledger.bootstrapped:
            told = {"kind": "begin", "region": self.cluster.new_id(), "peer": self.cluster.new_id()}
        else:
            told = self._put_store(message, None)
        self._let_in(sender, message, told)

    def _let_in(self, sender: str, message: dict[str, Any], told: dict[str, Any]) -> None:
        self.after_save(lambda: self.member.send(sender, {**told, "number": message["number"]}))

    def _bootstrap(self, now: float, sender: str, message: dict[str, Any]) -> None:
        ledger, region = self.cluster.ledger, Region.from_json(message["region"])
        first = None
        if not ledger.bootstrapped:
            ledger.bootstrapped = int(now * 1e9)
            ledger.regions[region.id] = RegionRecord(region)
            self.cluster.dirty = True
        elif region.id not in ledger.regions:
            first = 0
        self._let_in(sender, message, self._put_store(message, first))

    def _put_store(self, message: dict[str, Any], first: int | None) -> dict[str, Any]:
        """`first` in the answer: the only region that a store which began one may keep; 0 where another was quicker."""
        try:
            self.cluster.put_store(message)
        except Refused as refused:
            return _refusal(str(refused))
        return {"kind": "joined", "first": first, "stores": self.cluster.addresses()}


def _refusal(reason: str) -> dict[str, Any]:
    return {"kind": "refused", "reason": reason}
