"""One planned injection, as it stands in the record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Json = Any
"""A value that `json.dumps` takes: what states, parameters and undo instructions are made of."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pod by name, and the identity that a plan was made for.

    `facts` is what was true of it when the fault was planned and bears on what will be seen, such as how many regions
    it led. Two targets are equal when they are the same pod, whatever is known of it.
    """

    name: str
    uid: str
    facts: Mapping[str, Json] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """One concrete injection, planned: enough to apply it once and, from the record alone, to undo it.

    `targets` are the pods that are hit, all at once and all in the same way, in the order in which they were drawn;
    there is at least one. `params` are the effective parameters, defaults included; `undo` is whatever `cleanup_chaos`
    needs, for every target.
    """

    chaos: str
    targets: tuple[Target, ...]
    params: Mapping[str, Json]
    undo: Mapping[str, Json] = field(default_factory=dict)

    @property
    def names(self) -> str:
        """The names of all targets, for people."""
        return ", ".join(target.name for target in self.targets)

    def to_json(self) -> dict[str, Json]:
        """A plain dictionary, as it is stored in the record."""
        return {**asdict(self), "targets": [asdict(target) for target in self.targets]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Fault:
        """The fault that `to_json` stored, now or before revision 0006 of the records."""
        targets = tuple(Target(**each) for each in _listed(stored))
        return cls(stored["chaos"], targets, stored["params"], stored.get("undo", {}))


def _listed(stored: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The stored targets, each with `name`, `uid` and `facts`.

    Before revision 0006 of the records the first target stood in `target` and `uid` and its facts in `facts`; further
    targets stood in `others`, and their facts in `facts.others` by name.
    """
    if "targets" in stored:
        return list(stored["targets"])
    facts = dict(stored.get("facts") or {})
    of_others = facts.pop("others", {})
    first = {"name": stored["target"], "uid": stored["uid"], "facts": facts}
    others = ({**each, "facts": of_others.get(each["name"], {})} for each in stored.get("others", ()))
    return [first, *others]
