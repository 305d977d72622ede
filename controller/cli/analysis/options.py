"""What can be said to the commands here beside what all commands have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from controller.cli import options


class AnalysisFormat(StrEnum):
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


Format = Annotated[AnalysisFormat, typer.Option("--output", "-o", help="How to print.")]
Force = Annotated[bool, typer.Option("--force", help="Compare what did not ask the same, and say so.")]


@contextmanager
def exit_on_error() -> Iterator[None]:
    """As of all commands; that the packages are missing which the numbers take is a sentence, too."""
    from controller.analysis.errors import extra

    with options.exit_on_error(), extra():
        yield
