"""What can be said to the commands here, and how their errors are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

DEFAULT_URL = "sqlite:////data/records.db"


class Output(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class RateName(StrEnum):
    """The rate that `--fail-under` looks at: one of `controller.analysis.estimates.RATES` that is better high."""

    RECOVERY = "recovery"
    RESOLUTION = "resolution"
    DETECTION = "detection"
    QUIET = "quiet"


Campaign = Annotated[str, typer.Argument(help="Its name, namespace/name, or uid.")]
Database = Annotated[
    str, typer.Option("--db", envvar="EVALCAMPAIGN_DB", metavar="URL", help="The records, as a database URL.")
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
Force = Annotated[bool, typer.Option("--force", help="Compare what did not ask the same, and say so.")]


@contextmanager
def sentences() -> Iterator[None]:
    """What cannot be answered is a sentence on stderr and exit status 1, not a traceback."""
    from controller.analysis.errors import EvidenceError, extra
    from controller.records.errors import RecordsError

    try:
        with extra():
            yield
    except (RecordsError, EvidenceError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
