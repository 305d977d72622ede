"""What a raft group has to be given, and the words for what its peers are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from .message import Entry


class Machine(Protocol):
    """What a group agrees on."""

    @property
    def voters(self) -> Collection[int]: ...

    def apply(self, entry: Entry) -> Any:
        """Do what a committed entry says. The result goes to whoever proposed it here."""

    def is_urgent(self, data: Any) -> bool:
        """Whether followers are told at once that this is committed, and not with what is sent next anyway."""

    def snapshot(self) -> Any:
        """All of it, as JSON."""

    def install(self, state: Any) -> None:
        """Become what another machine's snapshot was."""


class Role(StrEnum):
    FOLLOWER = "Follower"
    PRECANDIDATE = "PreCandidate"
    CANDIDATE = "Candidate"
    LEADER = "Leader"


@dataclass(frozen=True, slots=True)
class Pace:
    """In ticks. An election begins after `election` to twice as many without a word from a leader."""

    election: int = 10
    heartbeat: int = 2
