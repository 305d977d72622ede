"""One peer of a raft group: who leads, and since when it believes so. It counts ticks; clock and network are elsewhere.

As in TiKV: a peer asks for a pre-vote first, so that one which was cut off does not disturb the others with a high
term; whoever heard of a leader within an election timeout refuses any vote; and a leader resigns when it finds, once an
election timeout, that a majority has not answered since it last looked. So one that is cut off believes in itself for
one to two election timeouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from .following import follow
from .leadership import Leadership
from .log import Log
from .machine import Machine, Pace, Role
from .message import Entry, Message


class Peer:
    """Step it with what arrives, tick it; then send `outbox` after `log.facts` are kept, and look at `applied_now`."""

    def __init__(self, id: int, machine: Machine, pace: Pace, random: Random, log: Log) -> None:
        self.id = id
        self.machine = machine
        self.pace = pace
        self.log = log
        self.applied = log.base_index
        self.role = Role.FOLLOWER
        self.leader = 0
        """The leader this peer knows of, by id; 0 for none."""
        self.leadership: Leadership | None = None
        self.outbox: list[Message] = []
        self.applied_now: list[tuple[Entry, Any]] = []
        self._random = random
        self._ballots: dict[int, bool] = {}
        self._rest()

    def _rest(self) -> None:
        self._waited = 0
        self._patience = self._random.randrange(self.pace.election, 2 * self.pace.election)

    # What an owner asks for.

    def tick(self) -> None:
        if self.leadership is not None:
            if not self.leadership.tick():
                self.become_follower(self.log.term, 0)
            return
        self._waited += 1
        if self._waited >= self._patience and self.id in self.machine.voters:
            self._waited = 0
            self.campaign(Role.PRECANDIDATE)

    def propose(self, data: Any) -> Entry | None:
        """The entry, not yet committed. None where this peer does not lead, or is handing over."""
        return self.leadership.propose(data) if self.leadership is not None else None

    def campaign(self, role: Role = Role.PRECANDIDATE, force: bool = False) -> None:
        """Ask for votes: PRECANDIDATE whether there would be any, CANDIDATE for the real ones."""
        self.role, self.leader = role, 0
        if role is Role.CANDIDATE:
            self.log.set_term(self.log.term + 1, self.id)
            self._rest()
        self._ballots = {self.id: True}
        if not self._count():
            kind, term = ("prevote", self.log.term + 1) if role is Role.PRECANDIDATE else ("vote", self.log.term)
            for voter in self._others():
                index, log_term = self.log.last_index, self.log.last_term
                self.send(Message(kind, self.id, voter, term, index=index, log_term=log_term, force=force))

    def become_follower(self, term: int, leader: int) -> None:
        if term > self.log.term:
            self.log.set_term(term, 0)
        self.role, self.leader, self.leadership = Role.FOLLOWER, leader, None
        self._rest()

    def send(self, message: Message) -> None:
        self.outbox.append(message)

    def apply(self) -> None:
        """Bring the machine up to what is committed."""
        for entry in self.log.between(self.applied, self.log.commit):
            self.applied = entry.index
            self.applied_now.append((entry, self.machine.apply(entry) if entry.data is not None else None))

    def to_json(self) -> dict[str, Any]:
        return {"log": self.log.to_json(), "applied": self.applied, "state": self.machine.snapshot()}

    def load(self, told: dict[str, Any]) -> None:
        """Become what another was: the opposite of `to_json`."""
        self.log = Log.from_json(told["log"])
        self.machine.install(told["state"])
        self.applied = told["applied"]
        self.apply()
        self.applied_now.clear()

    def replay(self, fact: Sequence[Any]) -> None:
        """Come to know again what was kept on disk."""
        if fact[0] == "state":
            self.machine.install(fact[1])
            self.applied = self.log.base_index
            return
        self.log.replay(list(fact))
        self.apply()
        self.applied_now.clear()

    # What others say.

    def step(self, message: Message) -> None:
        if message.term > self.log.term:
            in_lease = self.leader and self._waited < self.pace.election and not message.force
            if in_lease and message.kind in ("prevote", "vote"):
                return
            if message.kind != "prevote" and not (message.kind == "prevote_reply" and not message.reject):
                leads = message.kind in ("append", "heartbeat", "snapshot")
                self.become_follower(message.term, message.sender if leads else 0)
        elif message.term < self.log.term:
            if message.kind in ("append", "heartbeat"):  # a leader of the past learns of it from this
                self.answer(message, "append_reply", index=self.log.commit)
            elif message.kind == "prevote":
                self.answer(message, "prevote_reply", reject=True)
            return
        match message.kind:
            case "prevote" | "vote":
                self._on_vote(message)
            case "prevote_reply" if self.role is Role.PRECANDIDATE:
                self._ballots[message.sender] = not message.reject
                self._count()
            case "vote_reply" if self.role is Role.CANDIDATE:
                self._ballots[message.sender] = not message.reject
                self._count()
            case "append" | "heartbeat" | "snapshot":
                follow(self, message)
            case "timeout_now":
                if self.id in self.machine.voters:
                    self.campaign(Role.CANDIDATE, force=True)
            case "append_reply" | "heartbeat_reply" if self.leadership is not None:
                self.leadership.on_reply(message)

    def _on_vote(self, message: Message) -> None:
        free = self.log.vote == message.sender or (not self.log.vote and not self.leader)
        ahead = message.kind == "prevote" and message.term > self.log.term
        granted = (free or ahead) and self.log.is_behind(message.index, message.log_term)
        if granted and message.kind == "vote":
            self._waited = 0
            self.log.set_term(self.log.term, message.sender)
        # A granted pre-vote is answered in the term that was asked for, which nobody has reached yet.
        term = message.term if granted else self.log.term
        self.send(Message(f"{message.kind}_reply", self.id, message.sender, term, reject=not granted))

    def _count(self) -> bool:
        """Whether the ballots decide; and if so, do what they say."""
        voters = self.machine.voters
        needed = len(voters) // 2 + 1
        won = sum(self._ballots.get(voter, False) for voter in voters)
        lost = sum(not self._ballots.get(voter, True) for voter in voters)
        if won >= needed:
            if self.role is Role.PRECANDIDATE:
                self.campaign(Role.CANDIDATE)
            else:
                self._lead()
            return True
        if lost >= needed:
            self.become_follower(self.log.term, 0)
            return True
        return False

    def _lead(self) -> None:
        self._rest()
        self.role, self.leader = Role.LEADER, self.id
        self.leadership = Leadership(self)
        self.leadership.propose(None)

    def heard(self) -> None:
        """From the leader: no election for now."""
        self._waited = 0

    def commit(self, index: int) -> None:
        self.log.set_commit(index)
        self.apply()

    def answer(self, message: Message, kind: str, index: int = 0, reject: bool = False) -> None:
        self.send(Message(kind, self.id, message.sender, self.log.term, index=index, reject=reject))

    def _others(self) -> list[int]:
        return [voter for voter in self.machine.voters if voter != self.id]
