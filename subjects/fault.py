"""One planned injection, as it stands in the record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Json = Any
"""A value that `json.dumps` takes: what states, parameters and undo instructions are made of."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pod by name, and the identity that a plan was made for."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One concrete injection, planned: enough to apply it once and, from the record alone, to undo it.

    `target` is the pod's name and `uid` the identity the plan was made for; `others` are further pods that the same
    happens to at the same time. `params` are the effective parameters, defaults included; `undo` is whatever
    `cleanup_chaos` needs, for every target. `facts` is what was true of the target when it was planned and
    bears on what will be seen, such as how many regions it led.
    """

    chaos: str
    target: str
    uid: str
    params: Mapping[str, Json]
    undo: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    others: tuple[Target, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """All that is hit, in the order in which it was drawn."""
        return (Target(self.target, self.uid), *self.others)

    @property
    def names(self) -> str:
        """The names of all targets, for people."""
        return ", ".join(target.name for target in self.targets)

    def to_json(self) -> dict[str, Json]:
        """A plain dictionary, as it is stored in the record."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Fault:
        """The fault that `to_json` stored, now or before it had facts and others."""
        others = tuple(Target(**each) for each in stored.get("others", ()))
        return cls(**{**stored, "others": others})
