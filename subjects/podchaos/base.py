"""What every type of pod chaos has: a description, parameters, and the one request that applies it to a target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from subjects.cluster import Pod, Workload
from subjects.protocol import ChaosType, Fault, Json, SubjectContext, SubjectError, Target

IMAGES = "images"
"""Key in `Fault.undo`: container name to image, as the target's StatefulSet asked for them when it was planned."""


class Params(BaseModel):
    """Base of all parameters: camelCase outside, nothing unknown, nothing converted.

    Strict, so that one meaning has one spelling: campaigns are compared by what their spec says, and `"1"` beside `1`
    would make two of one.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", strict=True)


class CountParams(Params):
    """`count`: how many members are hit at once, all in the same way.

    More than a minority of a quorum is the engine's to refuse: it knows whether the campaign allows that.
    """

    count: int = Field(1, ge=1, le=99)


def count(params: BaseModel) -> int:
    """How many members the parameters mean: one, where there is no choice."""
    return params.count if isinstance(params, CountParams) else 1


class PodChaos(ABC):
    """A type of chaos whose targets are members' pods."""

    def __init__(self, type: ChaosType) -> None:
        self.type = type

    def plan(self, context: SubjectContext, workload: Workload, targets: Sequence[Pod], params: BaseModel) -> Fault:
        """The fault for these targets. SubjectError where something it needs is missing. Touches nothing."""
        first, *others = targets
        details = self.undo(context, first)
        for other in others:
            if self.undo(context, other) != details:
                raise SubjectError(f"{first.name} and {other.name} have unlike containers: one plan cannot undo both")
        undo: dict[str, Json] = {IMAGES: dict(workload.images), **details}
        return Fault(
            self.type.name,
            first.name,
            first.uid,
            params.model_dump(by_alias=True),
            undo,
            others=tuple(Target(other.name, other.uid) for other in others),
        )

    def undo(self, context: SubjectContext, target: Pod) -> Mapping[str, Json]:
        """What the record must keep beyond the images."""
        return {}

    @abstractmethod
    async def send(self, context: SubjectContext, fault: Fault, target: Target) -> None:
        """Send the one request that applies the fault to one of its targets, guarded by the target's uid.

        Raises what the cluster raises.
        """
