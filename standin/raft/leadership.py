"""What a peer does for as long as it leads: bring the others' logs up to its own, and see whether they still answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .message import Entry, Message

if TYPE_CHECKING:
    from .peer import Peer

COMPACT_AT = 64
"""That many entries that everybody has gather before they are forgotten."""

MOST_ENTRIES = 16384
"""More are not kept for one that lags; it gets a snapshot. TiKV waits longer, which a trial does not outlast."""

BATCH = 256
"""Entries in one message."""


@dataclass(slots=True)
class Progress:
    """How far another peer's log is known to go, and whether the peer answers."""

    next: int
    matched: int = 0
    active: bool = False
    """Answered since the last check of the quorum. A new leader's own is False until the first one, as in raft-rs."""
    probing: bool = True
    """Not known to keep up: one message at a time."""
    paused: bool = False
    snapshot: bool = False


class Leadership:
    """Of one term. It ends when its peer drops it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._log = peer.log
        self.progress = {voter: self._new() for voter in peer.machine.voters}
        self._since_check = 0
        self._since_heartbeat = 0
        self._transferee = 0

    def _new(self) -> Progress:
        return Progress(next=self._log.last_index + 1)

    def tick(self) -> bool:
        """False when a majority has not answered for a whole election timeout: then this leadership is over."""
        self._since_check += 1
        self._since_heartbeat += 1
        if self._since_check >= self._peer.pace.election:
            self._since_check = 0
            self._transferee = 0
            if not self._has_quorum():
                return False
        if self._since_heartbeat >= self._peer.pace.heartbeat:
            self._since_heartbeat = 0
            self._heartbeat()
        return True

    def _has_quorum(self) -> bool:
        active = sum(progress.active or voter == self._peer.id for voter, progress in self._voters())
        for voter, progress in self._voters():
            progress.active = voter == self._peer.id
        return active >= len(self._peer.machine.voters) // 2 + 1

    def _heartbeat(self) -> None:
        for voter, progress in self._voters():
            if voter != self._peer.id:
                commit = min(progress.matched, self._log.commit)
                self._send("heartbeat", voter, commit=commit, compact=self._log.base_index)

    def propose(self, data: Any) -> Entry | None:
        """None while handing over to another."""
        if self._transferee:
            return None
        entry = Entry(self._log.last_index + 1, self._log.term, data)
        self._log.append([entry])
        own = self.progress.setdefault(self._peer.id, self._new())
        own.matched, own.next = entry.index, entry.index + 1
        self._broadcast()
        self._advance()
        return entry

    def transfer(self, to: int) -> None:
        """Hand over to a voter as soon as its log is complete. Given up after an election timeout."""
        if to == self._peer.id or to not in self._peer.machine.voters:
            return
        self._since_check = 0
        self._transferee = to
        self._hand_over(to, self._progress(to))

    def _hand_over(self, to: int, progress: Progress) -> None:
        if progress.matched == self._log.last_index:
            self._send("timeout_now", to)
        else:
            self._append_to(to, progress)

    def on_reply(self, message: Message) -> None:
        """append_reply or heartbeat_reply."""
        if message.sender not in self._peer.machine.voters:
            return
        progress = self._progress(message.sender)
        progress.active = True
        if message.kind == "heartbeat_reply":
            progress.paused = False
            if progress.matched < self._log.last_index:
                self._append_to(message.sender, progress)
        elif message.reject:
            progress.probing, progress.paused = True, False
            progress.next = max(min(progress.next - 1, message.index + 1), progress.matched + 1)
            self._append_to(message.sender, progress)
        else:
            progress.probing = progress.paused = progress.snapshot = False
            if message.index > progress.matched:
                progress.matched = message.index
                progress.next = max(progress.next, message.index + 1)
                self._advance()
            if progress.next <= self._log.last_index:
                self._append_to(message.sender, progress)
            if message.sender == self._transferee and progress.matched == self._log.last_index:
                self._send("timeout_now", message.sender)

    def _advance(self) -> None:
        """Commit what a majority has, if it ends in this term; then forget what everybody has."""
        voters = self._voters()
        reached = sorted((progress.matched for _, progress in voters), reverse=True)[len(voters) // 2]
        if reached > self._log.commit and self._log.term_at(reached) == self._log.term:
            fresh = self._log.between(self._log.commit, reached)
            self._log.set_commit(reached)
            self._peer.apply()
            if any(self._peer.machine.is_urgent(entry.data) for entry in fresh):
                self._broadcast()
        everybody = min(self._peer.applied, *(progress.matched for _, progress in self._voters()))
        least = max(everybody, self._peer.applied - MOST_ENTRIES)
        if least - self._log.base_index > COMPACT_AT:
            self._log.compact(least)

    def _broadcast(self) -> None:
        for voter, progress in self._voters():
            if voter != self._peer.id:
                self._append_to(voter, progress)

    def _append_to(self, voter: int, progress: Progress) -> None:
        if progress.paused:
            return
        before = self._log.term_at(progress.next - 1)
        if before is None:
            self._send_snapshot(voter, progress)
            return
        entries = tuple(self._log.between(progress.next - 1, progress.next - 1 + BATCH))
        told = {"commit": self._log.commit, "compact": self._log.base_index}
        self._send("append", voter, index=progress.next - 1, log_term=before, entries=entries, **told)
        if progress.probing:
            progress.paused = True
        elif entries:
            progress.next = entries[-1].index + 1

    def _send_snapshot(self, voter: int, progress: Progress) -> None:
        applied = self._peer.applied
        term = self._log.term_at(applied)
        assert term is not None, "what is applied is in the log, or is its base"
        self._send("snapshot", voter, index=applied, log_term=term, state=self._peer.machine.snapshot())
        progress.probing = progress.paused = progress.snapshot = True
        progress.next = applied + 1

    def _send(self, kind: str, to: int, **fields: Any) -> None:
        self._peer.send(Message(kind, self._peer.id, to, self._log.term, **fields))

    def _voters(self) -> list[tuple[int, Progress]]:
        return [(voter, self._progress(voter)) for voter in self._peer.machine.voters]

    def _progress(self, voter: int) -> Progress:
        if voter not in self.progress:  # joined meanwhile; raft-rs takes a newcomer for active
            self.progress[voter] = Progress(next=self._log.last_index + 1, active=True)
        return self.progress[voter]
