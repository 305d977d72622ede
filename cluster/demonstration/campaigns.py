"""The demo's campaigns: read from the examples, created and deleted through the command line's own client."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster.errors import SetupError
from controller.api import KIND
from controller.cli.cluster.campaigns import Campaigns, CampaignSnapshot
from controller.cli.cluster.errors import CommandFailed

POLL_SECONDS = 1.0

DELETE_SECONDS = 180.0
"""So long may the controller take to undo a fault before a deleted campaign is gone."""


@dataclass(frozen=True)
class Example:
    """A campaign that an example file describes."""

    file: str
    name: str
    spec: Mapping[str, Any]


def read_examples(root: Path, files: Sequence[str]) -> list[Example]:
    """Returns the campaigns in files below `root`."""
    return [
        Example(file, document["metadata"]["name"], document["spec"])
        for file in files
        for document in yaml.safe_load_all((root / file).read_text())
        if document and document["kind"] == KIND
    ]


def find(campaigns: Campaigns, names: Sequence[str]) -> list[CampaignSnapshot]:
    """Returns the campaigns of these names that exist."""
    return [each for each in campaigns.list() if each.name in names]


def delete(campaigns: Campaigns, there: Sequence[CampaignSnapshot], limit_seconds: float = DELETE_SECONDS) -> None:
    """Deletes campaigns and waits until they are gone. Raises SetupError if one stays longer than the limit."""
    for each in there:
        campaigns.delete(each)
    deadline = time.monotonic() + limit_seconds
    while left := {each.uid for each in campaigns.list()} & {each.uid for each in there}:
        if time.monotonic() > deadline:
            names = " and ".join(each.name for each in there if each.uid in left)
            raise SetupError(
                f"{names} is still there {limit_seconds:.0f} s after it was deleted.",
                hint="the controller releases it: kubectl -n evalcampaign logs deploy/evalcampaign-controller",
            )
        time.sleep(POLL_SECONDS)


def create(campaigns: Campaigns, example: Example) -> None:
    """Creates the campaign. Raises SetupError with the API server's message if it is refused."""
    try:
        campaigns.create(example.name, example.spec)
    except CommandFailed as error:
        raise SetupError(f"{example.file} was not created: {error}") from None
