"""One planned injection, as it stands in the record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Json = Any
"""A value that `json.dumps` takes: what states, parameters and instructions to revert are made of."""

PODS = "v1/pods"
"""The kind of targets that are pods: `version/plural`, or `group/version/plural`, as in the API server's paths."""


@dataclass(frozen=True, slots=True)
class Target:
    """An object of Kubernetes by kind and name, and the identity that a plan was made for.

    `uid` is empty for an object that the fault itself creates. `facts` is what was true of the target when the plan was
    made and affects what will be seen, such as how many regions it led; it is no part of the identity.
    """

    name: str
    uid: str
    kind: str = PODS
    facts: Mapping[str, Json] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """One concrete injection, planned: enough to apply it once and, from the record alone, to revert it.

    `chaos` is the type's name in the spec. `targets` are in the order in which they were drawn; the same happens to all
    of them at once. `params` are the effective parameters, defaults included. `undo` is what the fault's type needs
    to revert it. `happened`, `reverted_by` and `heals_itself` are for readers that cannot ask the type: a clause in the
    past tense on what was done ("the pod of etcd-1 was deleted"), one on what reverts it ("somebody deletes its pod"),
    and whether the subject is expected to recover by itself (None: that depends).
    """

    chaos: str
    targets: tuple[Target, ...]
    params: Mapping[str, Json]
    undo: Mapping[str, Json] = field(default_factory=dict)
    happened: str = ""
    reverted_by: str = ""
    heals_itself: bool | None = None

    @property
    def names(self) -> str:
        """The names of all targets, for people."""
        return ", ".join(target.name for target in self.targets)

    def to_json(self) -> dict[str, Json]:
        """A plain dictionary, as it is stored in the record."""
        return {**asdict(self), "targets": [asdict(target) for target in self.targets]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Fault:
        """The fault that `to_json` stored, in this version or an earlier one."""
        return cls(
            stored["chaos"],
            tuple(Target(**each) for each in _targets(stored)),
            stored["params"],
            stored.get("undo", {}),
            stored.get("happened", ""),
            stored.get("reverted_by", ""),
            stored.get("heals_itself"),
        )


def _targets(stored: Mapping[str, Json]) -> list[Mapping[str, Json]]:
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
