"""The table of all commands: which room has them, and under which heading `--help` lists them."""

from __future__ import annotations

import typer

from controller.cli.doctor.commands import doctor
from controller.cli.evidence import commands as evidence
from controller.cli.reading import commands as reading
from controller.cli.steering import commands as steering
from controller.cli.steering.run import run
from controller.cli.upkeep import commands as upkeep

ASK = "Run campaigns"
READ = "Read what was found"
JUDGE = "Say what it proves"
KEEP = "Look after it"

app = typer.Typer(
    help="Break a system on purpose, watch it heal or be healed, and read what was found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(rich_help_panel=ASK)(run)
app.command(rich_help_panel=ASK)(steering.watch)
app.command(rich_help_panel=ASK)(steering.suspend)
app.command(rich_help_panel=ASK)(steering.resume)
app.command(rich_help_panel=ASK)(steering.abort)
app.command(rich_help_panel=ASK)(steering.token)
app.command(rich_help_panel=ASK)(steering.subjects)
app.command("list", rich_help_panel=READ)(reading.list_)
app.command(rich_help_panel=READ)(reading.trials)
app.command(rich_help_panel=READ)(reading.show)
app.command(rich_help_panel=JUDGE)(evidence.analyze)
app.command(rich_help_panel=JUDGE)(evidence.compare)
app.command("compare-baseline", rich_help_panel=JUDGE)(evidence.compare_baseline)
app.command("compare-variants", rich_help_panel=JUDGE)(evidence.compare_variants)
app.command(rich_help_panel=READ)(reading.export)
app.command(rich_help_panel=KEEP)(doctor)
app.command(rich_help_panel=JUDGE)(evidence.report)
app.command(rich_help_panel=KEEP)(upkeep.forward)
app.command(rich_help_panel=KEEP)(upkeep.backup)
app.command(rich_help_panel=KEEP)(upkeep.unlock)
app.command(rich_help_panel=KEEP)(upkeep.version)
