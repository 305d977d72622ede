"""What raft peers keep and what they say to each other. Both travel as JSON, so every field is plain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log. `data` is JSON; None in the entry with which a new leader begins."""

    index: int
    term: int
    data: Any = None

    def to_json(self) -> list[Any]:
        return [self.index, self.term, self.data]


@dataclass(frozen=True, slots=True)
class Message:
    """One message. What `index` and `log_term` speak of depends on the kind, as in the Raft paper."""

    kind: str
    """prevote, vote, append, heartbeat, snapshot, each with its `_reply`; and timeout_now."""
    sender: int
    to: int
    term: int
    index: int = 0
    log_term: int = 0
    commit: int = 0
    compact: int = 0
    """From a leader: how far every voter has the log, so that nobody need keep more."""
    entries: tuple[Entry, ...] = ()
    reject: bool = False
    force: bool = False
    """A vote asked for in a transfer of leadership: the lease of the old leader does not count."""
    state: Any = None
    """The whole state, in a snapshot."""

    def to_json(self) -> dict[str, Any]:
        """Without what has its default: heartbeats are most of the traffic."""
        told: dict[str, Any] = {"kind": self.kind, "sender": self.sender, "to": self.to, "term": self.term}
        for name in ("index", "log_term", "commit", "compact", "reject", "force", "state"):
            if value := getattr(self, name):
                told[name] = value
        if self.entries:
            told["entries"] = [entry.to_json() for entry in self.entries]
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Message:
        entries = tuple(Entry(*entry) for entry in told.get("entries", ()))
        return cls(**{**told, "entries": entries})
