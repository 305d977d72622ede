"""The Typer application: every command, and the heading under which `--help` lists it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

import typer

from controller.cli import admin, analysis, results, run
from controller.cli.checks import doctor

Command = Callable[..., Any]

COMMANDS: Mapping[str, Sequence[Command]] = {
    "Run campaigns": (
        run.run,
        run.watch,
        run.suspend,
        run.resume,
        run.abort,
        run.token,
        run.subjects,
    ),
    "Read what was found": (results.list_, results.trials, results.show, results.export),
    "Say what it proves": (
        analysis.analyze,
        analysis.compare,
        analysis.compare_baseline,
        analysis.compare_variants,
        analysis.report,
    ),
    "Look after it": (doctor, admin.forward, admin.backup, admin.unlock, admin.version),
}
"""The commands by heading. The name of a command is that of its function."""

app = typer.Typer(
    help="Break a system on purpose, watch it heal or be healed, and read what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def flowing(docstring: str) -> str:
    """Joins the lines of each paragraph, for a terminal of any width, except of paragraphs that begin with `\\b`."""
    paragraphs = cleandoc(docstring).split("\n\n")
    return "\n\n".join(each if each.startswith("\b") else " ".join(each.split()) for each in paragraphs)


for _heading, _commands in COMMANDS.items():
    for _command in _commands:
        _name = _command.__name__.strip("_").replace("_", "-")
        app.command(_name, rich_help_panel=_heading, help=flowing(_command.__doc__ or ""))(_command)
