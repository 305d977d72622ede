"""The commands that draw conclusions: `analyze`, `compare`, `compare-baseline`, `compare-variants`.

options, commands   what may be asked, and the functions behind it
arms                campaigns and their trials, read with a bar where it takes long; which campaigns belong together
words, sheets       numbers as people read them; rows as table, CSV or Markdown
analyses, comparisons   one campaign's numbers, and those of several, written in each format
"""

from __future__ import annotations

import typer

from controller.cli.evidence import commands


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(commands.analyze)
    app.command()(commands.compare)
    app.command("compare-baseline")(commands.compare_baseline)
    app.command("compare-variants")(commands.compare_variants)
