"""Which node image: kind's own from the registry, or one built here where no registry can be reached."""

from dataclasses import dataclass
from typing import Literal

from cluster import run, settings
from cluster.docker import registry
from cluster.errors import SetupError

# The Kubernetes minor of tools/kubernetes, from the release notes of the kind in tools/kind.
REGISTRY_IMAGE = "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"


@dataclass(frozen=True)
class Choice:
    """The path taken, and why in words for the person who waits."""

    path: Literal["registry", "built"]
    why: str


def decide(requested: str, *, unfit: str | None = None, present: bool = False, refusal: str | None = None) -> Choice:
    """Pure. `unfit` is why the registry's image cannot run here, `refusal` why the registry did not answer for it;
    None when it can, and when it did.

    SetupError when `requested` is none of auto, registry, built.
    """
    match requested:
        case "built" | "registry":
            return Choice("built" if requested == "built" else "registry", f"EVALCAMPAIGN_NODE_IMAGE={requested}")
        case "auto" if unfit is not None:
            return Choice("built", unfit)
        case "auto" if present:
            return Choice("registry", "the registry's image is already here")
        case "auto" if refusal is None:
            return Choice("registry", "the image registry answers")
        case "auto":
            return Choice("built", f"no image registry can be reached ({refusal})")
    raise SetupError(f"EVALCAMPAIGN_NODE_IMAGE={requested} is not known.", hint="use auto, registry or built.")


def choose(image: str = REGISTRY_IMAGE, unfit: str | None = None) -> Choice:
    """Look for an image here, then ask the registry for it."""
    requested = settings.NODE_IMAGE
    if requested != "auto" or unfit is not None:
        return decide(requested, unfit=unfit)
    if run.attempt(["docker", "image", "inspect", image]).returncode == 0:
        return decide(requested, present=True)
    return decide(requested, refusal=registry.refusal(image))
