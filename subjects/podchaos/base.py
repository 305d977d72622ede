"""What every type of pod chaos has: a description, parameters, and the one request that applies it to a target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from subjects.cluster import Pod
from subjects.permits import Inject
from subjects.podchaos.record import IMAGES, PODS
from subjects.protocol import ChaosType, Fault, Json, SubjectContext, Target


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

    def plan(self, context: SubjectContext, targets: Sequence[Pod], params: BaseModel) -> Fault:
        """The fault for these targets. SubjectError where something it needs is missing. Touches nothing."""
        kept = {pod.name: {IMAGES: dict(pod.images), **self.keep_of(pod)} for pod in targets}
        undo: dict[str, Json] = {PODS: kept, **self.keep(context)}
        hit = tuple(Target(pod.name, pod.uid) for pod in targets)
        return Fault(self.type.name, hit, params.model_dump(by_alias=True), undo)

    def keep(self, context: SubjectContext) -> Mapping[str, Json]:
        """What the record must keep that is the same for all targets. Raises as `plan`."""
        return {}

    def keep_of(self, target: Pod) -> Mapping[str, Json]:
        """What the record must keep of one target beyond its images. Raises as `plan`."""
        return {}

    @abstractmethod
    async def send(self, context: SubjectContext, permit: Inject, target: Target) -> None:
        """Send the one request that applies the permitted fault to one of its targets, guarded by the target's uid.

        Raises what the cluster raises.
        """
