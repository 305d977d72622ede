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
    made and bears on what will be seen, such as how many regions it led; it is no part of the identity.
    """

    name: str
    uid: str
    kind: str = PODS
    facts: Mapping[str, Json] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """One concrete injection, planned: enough to apply it once and, from the record alone, to revert it.

    `chaos` is the type's name in the spec. `targets` are in the order in which they were drawn; the same happens to all
    of them at once. `params` are the effective parameters, defaults included. `undo` is whatever the fault's type needs
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

    @property
    def uids(self) -> Mapping[str, str]:
        """The uid of every target, by name."""
        return {target.name: target.uid for target in self.targets}

    def to_json(self) -> dict[str, Json]:
        """A plain dictionary, as it is stored in the record."""
        return {**asdict(self), "targets": [asdict(target) for target in self.targets]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Fault:
        """The fault that `to_json` stored, in this version or an earlier one.

        Earlier ones kept the first pod as `target` and `uid`, further ones as `others`, and the facts of all together.
        """
        if "targets" in stored:
            return cls(**{**stored, "targets": tuple(Target(**each) for each in stored["targets"])})
        facts = dict(stored.get("facts", {}))
        of_others = facts.pop("others", {})
        others = (Target(**each, facts=of_others.get(each["name"], {})) for each in stored.get("others", ()))
        targets = (Target(stored["target"], stored["uid"], facts=facts), *others)
        return cls(stored["chaos"], targets, stored["params"], stored.get("undo", {}))
