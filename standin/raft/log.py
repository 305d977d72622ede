"""What one peer must not forget: term, vote, and the log from its snapshot on.

Every change is noted as a fact, a JSON list, in `facts`. A log that replays the facts of another is equal to it: so the
disk is a journal of facts, and the tests can hold a restarted peer against the one that was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .message import Entry

FIRST_INDEX = 5
FIRST_TERM = 5
"""TiKV begins every region's log here, as if there had been a snapshot."""


class Log:
    """The entries after `base_index`, which is the index of the snapshot they follow."""

    def __init__(self, index: int = 0, term: int = 0) -> None:
        self.term = term
        self.vote = 0
        self.commit = index
        self.base_index = index
        self.base_term = term
        self.entries: list[Entry] = []
        self.facts: list[list[Any]] = []

    @property
    def last_index(self) -> int:
        return self.base_index + len(self.entries)

    @property
    def last_term(self) -> int:
        return self.entries[-1].term if self.entries else self.base_term

    def term_at(self, index: int) -> int | None:
        """None where the log does not reach, on either side."""
        if index == self.base_index:
            return self.base_term
        at = index - self.base_index - 1
        return self.entries[at].term if 0 <= at < len(self.entries) else None

    def between(self, after: int, upto: int) -> Sequence[Entry]:
        """The entries with after < index <= upto."""
        return self.entries[max(after - self.base_index, 0) : max(upto - self.base_index, 0)]

    def is_behind(self, index: int, term: int) -> bool:
        """Whether a log that ends so may lead this one."""
        return (term, index) >= (self.last_term, self.last_index)

    def write(self, fact: list[Any]) -> None:
        """Change the log, and note the change."""
        self.replay(fact)
        self.facts.append(fact)

    def set_term(self, term: int, vote: int) -> None:
        if (term, vote) != (self.term, self.vote):
            self.write(["term", term, vote])

    def set_commit(self, index: int) -> None:
        if index > self.commit:
            self.write(["commit", index])

    def append(self, entries: Sequence[Entry]) -> None:
        """Take over what is new; where a kept entry contradicts, it and all after it go."""
        for at, entry in enumerate(entries):
            if entry.index > self.base_index and self.term_at(entry.index) != entry.term:
                self.write(["entries", [new.to_json() for new in entries[at:]]])
                return

    def compact(self, index: int) -> None:
        """Forget the entries up to `index`, which must be applied."""
        if index > self.base_index:
            self.write(["compact", index])

    def install(self, index: int, term: int) -> None:
        """Begin anew after a snapshot."""
        self.write(["install", index, term])

    def replay(self, fact: list[Any]) -> None:
        kind, *values = fact
        if kind == "term":
            self.term, self.vote = values
        elif kind == "commit":
            (self.commit,) = values
        elif kind == "entries":
            new = [Entry(*entry) for entry in values[0]]
            self.entries[new[0].index - self.base_index - 1 :] = new
        elif kind == "compact":
            term = self.term_at(values[0])
            assert term is not None, "nothing beyond the log can be forgotten"
            self.entries = list(self.between(values[0], self.last_index))
            self.base_index, self.base_term = values[0], term
        elif kind == "install":
            self.base_index, self.base_term = values
            self.commit, self.entries = self.base_index, []
        else:
            raise ValueError(f"a log knows no {kind}")

    def to_json(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in ("term", "vote", "commit", "base_index", "base_term")}
        return {**kept, "entries": [entry.to_json() for entry in self.entries]}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Log:
        log = cls()
        for name, value in told.items():
            setattr(log, name, value if name != "entries" else [Entry(*entry) for entry in value])
        return log
