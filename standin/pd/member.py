"""A PD member: it agrees with the others on the ledger and on a leader, answers what it can, and sends on the rest."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from ..node import Node, following
from ..raft.log import Log
from ..raft.machine import Pace
from ..raft.message import Message
from ..raft.peer import Peer
from .api import Http
from .lead import Lead
from .ledger import Ledger, LedgerMachine
from .peers import Ends, Peers
from .questions import Questions
from .rpc import Rpc, lead_answer, members_answer
from .settings import Config

TICK_SECONDS = 0.5
PACE = Pace(election=6, heartbeat=1)
"""PD's etcd: a tick of 500 ms, an election timeout of 3 s."""

LEASE_SECONDS = 5.0
"""The lease of a leader that died is waited out. One that leaves in order gives it back."""


class Member(Node):
    def __init__(self, name: str, members: Mapping[str, Ends], config: Config, random: Random) -> None:
        super().__init__(members[name].peer)
        self.name = name
        self.peers = Peers(name, members)
        self.random = random
        self.started = 0.0
        self._config = config
        self.machine = LedgerMachine(list(self.peers.names))
        self.raft = Peer(self.peers.ids[name], self.machine, PACE, random, Log())
        self.lead: Lead | None = None
        self.questions = Questions(self)
        self._campaign: tuple[int, float] | None = None
        """The term this member's raft peer leads in, and when the lease of PD's last leader is over."""
        self._claimed = 0
        self._facts: list[list[Any]] = []
        self._raft_due = 0.0

    def start(self, now: float) -> None:
        self.started = now
        self._raft_due = self.due = now
        # etcd lets most of the first election timeout of a process pass at once.
        for _ in range(PACE.election - 2):
            self.raft.tick()

    # What time does.

    def tick(self, now: float) -> None:
        if now >= self._raft_due:
            self._notice_a_gap(now)
            self._raft_due = following(self._raft_due, TICK_SECONDS, now)
            self.raft.tick()
            self._settle(now)
            if self.lead is not None:
                self.lead.tick(now)
        self._settle(now)
        self.questions.tick(now)
        self.due = min(self._raft_due, self.questions.due)

    def _notice_a_gap(self, now: float) -> None:
        """Give up leadership where this process was frozen so long that others may lead by now."""
        if now - self._raft_due > LEASE_SECONDS and self.raft.leadership is not None:
            self.raft.become_follower(self.raft.log.term, 0)
            self._settle(now)

    def receive(self, now: float, sender: str, message: dict[str, Any]) -> None:
        self._notice_a_gap(now)
        if message["kind"] == "raft":
            self.peers.learn(message["name"], message["client"])
            self.raft.step(Message.from_json(message["m"]))
        elif self.lead is not None:
            self.lead.receive(now, sender, message)
        else:
            leader = self.leader()
            self.send(sender, {"kind": "not_leader", "leader": self.peers.ends[leader].client if leader else None})
        self._settle(now)

    def propose(self, ledger: Ledger) -> int:
        """The index at which the ledger is agreed on, if it ever is."""
        entry = self.raft.propose(ledger.to_json())
        return entry.index if entry is not None else 2**63

    def resign(self, now: float, to: str | None = None) -> bool:
        """Give the lease back and let another lead, as one does that is stopped. False where there is no such one."""
        if to is not None and to not in self.peers.ends:
            return False
        if self.lead is None or to == self.name or not self.peers.others:
            return True
        leadership = self.raft.leadership
        assert leadership is not None, "who leads PD leads its raft group"
        matched = {other: leadership.progress[self.peers.ids[other]].matched for other in self.peers.others}
        heir = to or max(matched, key=lambda other: matched[other])
        self.lead.cluster.ledger.holder = ""
        self.lead.cluster.dirty = True
        self.lead.after_save(lambda: leadership.transfer(self.peers.ids[heir]))
        self._settle(now)
        return True

    # Who leads.

    def _settle(self, now: float) -> None:
        """After anything: gain or lose the lead, pass on what raft did."""
        if self.raft.leadership is None:
            self._campaign, self.lead, self._claimed = None, None, 0
        else:
            self._claim(now)
        if self.lead is not None:
            self.lead.committed(self.raft.log.commit)
        self.raft.applied_now.clear()
        self._facts += self.raft.log.facts
        self.raft.log.facts.clear()
        outbox, self.raft.outbox = self.raft.outbox, []
        own = {"kind": "raft", "name": self.name, "client": self.peers.ends[self.name].client}
        for message in outbox:
            self.send(self.peers.ends[self.peers.names[message.to]].peer, {**own, "m": message.to_json()})
        self.questions.settle(now)

    def _claim(self, now: float) -> None:
        """Raft's leader becomes PD's when it knows all that was agreed, and the last leader's lease is over."""
        log = self.raft.log
        if self.lead is not None or log.term_at(log.commit) != log.term:
            return
        ledger = Ledger.from_json(self.machine.agreed)
        if self._campaign is None or self._campaign[0] != log.term:
            free = now if ledger.holder in ("", self.name) else now + LEASE_SECONDS
            self._campaign, self._claimed = (log.term, free), 0
        if not self._claimed and now >= self._campaign[1]:
            ledger.holder = self.name
            if not ledger.cluster:
                ledger.cluster = (int(now) << 32) + self.random.getrandbits(31)
                ledger.config = self._config
            self._claimed = self.propose(ledger)
        if self._claimed and log.commit >= self._claimed:
            self.lead = Lead(self, Ledger.from_json(self.machine.agreed), now)

    def leader(self) -> str | None:
        """PD's leader by name, so far as this member knows."""
        if self.lead is not None:
            return self.name
        name = self.peers.names.get(self.raft.leader)
        return name if name != self.name and name == self.machine.agreed["holder"] else None

    # Questions.

    def ask(self, now: float, ticket: int, question: Http | Rpc) -> None:
        self._notice_a_gap(now)
        if isinstance(question, Rpc):
            self.reply(ticket, members_answer(self) if question.name == "GetMembers" else lead_answer(self, question))
        else:
            self.questions.ask(now, ticket, question)
            self.due = min(self.due, self.questions.due)
        self._settle(now)

    def members_info(self) -> dict[str, Any]:
        told: dict[str, Any] = {"header": {"cluster_id": self.machine.agreed["cluster"]}}
        told["members"] = [self.peers.full(name) for name in self.peers.listed()]
        if (leader := self.leader()) is not None:
            told["leader"] = told["etcd_leader"] = self.peers.full(leader)
        return told

    def leader_info(self) -> dict[str, Any] | None:
        leader = self.leader()
        return self.peers.brief(leader) if leader is not None else None

    # The disk.

    def take_facts(self) -> list[list[Any]]:
        facts, self._facts = self._facts, []
        return facts

    def to_json(self) -> dict[str, Any]:
        return self.raft.to_json()

    def load(self, told: dict[str, Any] | None, facts: list[list[Any]]) -> None:
        """Come back as the member that was stopped after those facts."""
        if told is not None:
            self.raft.load(told)
        for fact in facts:
            self.raft.replay(fact)
