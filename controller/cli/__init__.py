"""The `evalcampaign` command: reads the records, frees subjects.

Also `kubectl evalcampaign` and, as it was asked for, `eval`.

The commands import what they need when they run, so that `--help` and mistakes answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

from controller.cli.commands import app


def main() -> None:
    """Run the command line; exit status 0, 1 with a sentence on stderr, or 2 for a mistake in usage."""
    app(prog_name=program_name(sys.argv[0]))


def program_name(argv0: str) -> str:
    """What the person typed: a kubectl plugin is called by kubectl, as `kubectl-evalcampaign`."""
    name = Path(argv0).name
    if name.startswith("kubectl-"):
        return name.replace("-", " ", 1)
    return "evalcampaign" if name.endswith(".py") else name
