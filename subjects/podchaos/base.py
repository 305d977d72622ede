"""What every type of pod chaos has: a description, parameters, and the one request that applies it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from subjects.cluster import Pod, Workload
from subjects.protocol import ChaosType, Fault, Json, SubjectContext

IMAGES = "images"
"""Key in `Fault.undo`: container name to image, as the target's StatefulSet asked for them when it was planned."""


class Params(BaseModel):
    """Base of all parameters: camelCase outside, nothing unknown, nothing converted.

    Strict, so that one meaning has one spelling: campaigns are compared by what their spec says, and `"1"` beside `1`
    would make two of one.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", strict=True)


class PodChaos(ABC):
    """A type of chaos whose target is one member's pod."""

    def __init__(self, type: ChaosType) -> None:
        self.type = type

    def plan(self, context: SubjectContext, workload: Workload, target: Pod, params: BaseModel) -> Fault:
        """The fault for this target. SubjectError where something it needs is missing. Touches nothing."""
        undo: dict[str, Json] = {IMAGES: dict(workload.images), **self.undo(context, target)}
        return Fault(self.type.name, target.name, target.uid, params.model_dump(by_alias=True), undo)

    def undo(self, context: SubjectContext, target: Pod) -> Mapping[str, Json]:
        """What the record must keep beyond the images."""
        return {}

    @abstractmethod
    async def send(self, context: SubjectContext, fault: Fault) -> None:
        """Send the one request that applies the fault, guarded by the target's uid. Raises what the cluster raises."""
