"""The `evalcampaign` command: reads the records, frees subjects.

Also `kubectl evalcampaign` and, as it was asked for, `eval`.

The commands import what they need when they run, so that `--help` and usage errors answer at once.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from controller.cli.app import app


def main() -> None:
    """Run the command line; exit status 0, 1 with a sentence on stderr, or 2 for wrong usage."""
    _replace_closed_streams()
    try:
        app(prog_name=program_name(sys.argv[0]), standalone_mode=True)
    except OSError as error:
        # One with a file's name is a bug of ours; without one, it is the output that cannot be written.
        if error.filename is not None:
            raise
        sys.exit(_output_failed(error))
    except SystemExit as done:
        # What is still buffered is written now, while a failure can be said; the interpreter would end in a traceback.
        try:
            sys.stdout.flush()
        except OSError as error:
            sys.exit(_output_failed(error))
        raise done


def _replace_closed_streams() -> None:
    """Python has no stream where a descriptor was closed (`>&-`); what is written there is wanted by nobody."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _output_failed(error: OSError) -> int:
    """Say that the output could not be written, except to somebody who closed the pipe; returns the exit status."""
    if not isinstance(error, BrokenPipeError):
        with suppress(OSError):
            print(f"The output could not be written: {error.strerror or error}", file=sys.stderr)
    with suppress(OSError, ValueError):  # what is buffered still would fail once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def program_name(argv0: str) -> str:
    """What the person typed: a kubectl plugin is called by kubectl, as `kubectl-evalcampaign`."""
    name = Path(argv0).name
    if name.startswith("kubectl-"):
        return name.replace("-", " ", 1)
    return "evalcampaign" if name.endswith(".py") else name
