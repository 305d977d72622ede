"""The table of all commands: which room has them, and under which heading `--help` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import typer

from controller.cli.doctor.commands import doctor
from controller.cli.evidence import commands as evidence
from controller.cli.reading import commands as reading
from controller.cli.steering import commands as steering
from controller.cli.steering.run import run
from controller.cli.upkeep import commands as upkeep

Command = Callable[..., Any]

COMMANDS: Mapping[str, Sequence[Command]] = {
    "Run campaigns": (
        run,
        steering.watch,
        steering.suspend,
        steering.resume,
        steering.abort,
        steering.token,
        steering.subjects,
    ),
    "Read what was found": (reading.list_, reading.trials, reading.show, reading.export),
    "Say what it proves": (
        evidence.analyze,
        evidence.compare,
        evidence.compare_baseline,
        evidence.compare_variants,
        evidence.report,
    ),
    "Look after it": (doctor, upkeep.forward, upkeep.backup, upkeep.unlock, upkeep.version),
}
"""By heading; a command is called what its function is."""

app = typer.Typer(
    help="Break a system on purpose, watch it heal or be healed, and read what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def flowing(docstring: str) -> str:
    """With each paragraph on one line, for a terminal of any width; one that begins with `\\b` is left as it is."""
    paragraphs = cleandoc(docstring).split("\n\n")
    return "\n\n".join(each if each.startswith("\b") else " ".join(each.split()) for each in paragraphs)


for _heading, _commands in COMMANDS.items():
    for _command in _commands:
        _name = _command.__name__.strip("_").replace("_", "-")
        app.command(_name, rich_help_panel=_heading, help=flowing(_command.__doc__ or ""))(_command)
