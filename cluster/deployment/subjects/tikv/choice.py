"""Which TiKV: the real one, or the stand-in where the real one's images cannot be had."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from cluster import settings
from cluster.deployment.subjects.tikv import real
from cluster.docker import registry
from cluster.errors import SetupError


@dataclass(frozen=True)
class Choice:
    """The one taken, and why in words for the person who waits."""

    path: Literal["real", "standin"]
    why: str


def decide(requested: str, *, present: bool = False, refusal: str | None = None) -> Choice:
    """Pure. `present`: all real images are here; `refusal`: why the registry did not answer for one that is not.

    SetupError when `requested` is none of auto, real, standin.
    """
    match requested:
        case "real" | "standin":
            return Choice("real" if requested == "real" else "standin", f"EVALCAMPAIGN_TIKV_IMAGE={requested}")
        case "auto" if present:
            return Choice("real", "its images are already here")
        case "auto" if refusal is None:
            return Choice("real", "the image registry answers")
        case "auto":
            return Choice("standin", f"the real one's images cannot be had ({refusal})")
    raise SetupError(f"EVALCAMPAIGN_TIKV_IMAGE={requested} is not known.", hint="use auto, real or standin.")


def choose(in_node: Collection[str]) -> Choice:
    """Look for the real images in the node and in Docker's store, then ask the registry for those that are missing."""
    requested = settings.TIKV_IMAGE
    if requested != "auto":
        return decide(requested)
    missing = real.missing(in_node)
    refusals = (refusal for image in missing if (refusal := registry.refusal(image)) is not None)
    return decide(requested, present=not missing, refusal=next(refusals, None))
