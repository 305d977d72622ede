"""How to run a campaign again, and on what it ran. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from controller.api import GROUP, KIND, VERSION
from controller.jsontypes import Json
from controller.records.rows import CampaignRow

TELLING = ("version", "image", "imageID", "imageId", "digest")
"""Keys of a captured state that say what ran."""


def manifest(campaign: CampaignRow) -> str:
    """The EvalCampaign as YAML, to be applied again."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": campaign.name, "namespace": campaign.namespace},
        "spec": dict(campaign.spec),
    }
    return str(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100))


def versions(state: Mapping[str, Json] | None) -> list[str]:
    """What a state says of versions and images, each once."""
    return list(dict.fromkeys(_telling(state or {})))


def _telling(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in TELLING and isinstance(inner, str) and inner:
                yield f"{key} {inner}"
            else:
                yield from _telling(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _telling(inner)
