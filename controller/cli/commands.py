"""The table of all commands: which room has them, and under which heading `--help` lists them."""

from __future__ import annotations

import typer

from controller.cli.reading import commands as reading
from controller.cli.upkeep import commands as upkeep

READ = "Read what was found"
KEEP = "Look after it"

app = typer.Typer(
    help="Break a system on purpose, watch it heal or be healed, and read what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("list", rich_help_panel=READ)(reading.list_)
app.command(rich_help_panel=READ)(reading.trials)
app.command(rich_help_panel=READ)(reading.show)
app.command(rich_help_panel=KEEP)(upkeep.backup)
app.command(rich_help_panel=KEEP)(upkeep.unlock)
app.command(rich_help_panel=KEEP)(upkeep.version)
