"""Defines options that several commands have, and ends failures with a sentence on stderr and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from controller.printable import printing
from controller.usererror import UserError


class UsageError(Exception):
    """The arguments are invalid; the command exits with status 2. The text is a sentence for the user."""


class ExitStatus(IntEnum):
    """The exit statuses."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNDER = 3
    INTERRUPTED = 130


class OutputFormat(StrEnum):
    """The output formats."""

    TABLE = "table"
    JSON = "json"


Campaign = Annotated[str, typer.Argument(help="Its name, namespace/name, or uid.")]
LiveCampaign = Annotated[str, typer.Argument(help="Its name, or namespace/name.", metavar="CAMPAIGN")]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="EVALCAMPAIGN_DB",
        metavar="URL",
        help="The records, as a database URL. Without it they are asked of the controller in the cluster.",
    ),
]
Context = Annotated[str | None, typer.Option(metavar="NAME", help="Which context of kubeconfig; else the current one.")]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Where the campaign lives; else the context's namespace."),
]
Format = Annotated[OutputFormat, typer.Option("--output", "-o", help="How to print.")]


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Prints a UserError to stderr and exits with status 1. All text printed within the block is made printable."""
    with printing():
        try:
            yield
        except UserError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(ExitStatus.FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitStatus.INTERRUPTED) from None


@contextmanager
def opened(file: Path | None) -> Iterator[TextIO]:
    """Opens the named file for text, or stdout where none is named. Raises UserError where it cannot be written."""
    if file is None:
        yield sys.stdout
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as to:
            yield to
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror or error}") from None
