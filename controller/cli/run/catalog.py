"""`subjects`: what can be broken, and how."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from controller.cli.columns import console
from controller.cli.run.checking import offered, parameters
from subjects.protocol import ChaosType
from subjects.registry import installed

Json = Any


def as_json() -> str:
    """All of it, for programs: subjects, their chaos types, and each parameter in the words of JSON Schema."""
    subjects = installed().subjects
    told = [
        {
            "subject": subject,
            "chaos": [
                {
                    "type": chaos.name,
                    "description": chaos.description,
                    "healsItself": chaos.heals_itself,
                    "params": parameters(chaos),
                }
                for chaos in offered(subject, subjects).values()
            ],
        }
        for subject in subjects
    ]
    return json.dumps(told, indent=2)


def print_subjects() -> None:
    """A line a chaos type, and below it a line a parameter; at the end the plug-ins that are not used."""
    to, found = console(), installed()
    for subject in found.subjects:
        to.print(Text(subject, style="bold"))
        for chaos in offered(subject, found.subjects).values():
            _print_chaos(to, chaos)
    for refused in found.refused:
        to.print(Text(str(refused), style="yellow"), soft_wrap=True)
    to.print(Text("evalcampaign run --subject SUBJECT --chaos TYPE --param NAME=VALUE", style="dim"))


def _print_chaos(to: Console, chaos: ChaosType) -> None:
    to.print(Text(f"  {chaos.name}: {chaos.description}"))
    for name, words in parameters(chaos).items():
        to.print(Text(f"    {name}={words.get('default', '')}{''.join(_bounds(words))}", style="dim"))


def _bounds(words: Mapping[str, Json]) -> Iterator[str]:
    if "enum" in words:
        yield f"  one of {', '.join(map(str, words['enum']))}"
    elif "minimum" in words or "maximum" in words:
        yield f"  from {words.get('minimum', '')} to {words.get('maximum', '')}"
