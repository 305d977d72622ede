"""What a person's machine does not need, the command line does not import there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from controller.cli.app import COMMANDS
from tests.unit.cli.conftest import Run

SERVER_PACKAGES = ("kopf", "alembic", "uvicorn", "starlette", "fastapi", "tikv", "grpc", "prometheus_client")
"""What only the controller's own process uses: the operator, its migrations, its servers, its client of TiKV."""

RUN_ALL = """
import importlib, json, os, pkgutil, sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO

imported = {}

def note(what):
    imported[what] = sorted(set(json.loads(sys.argv[2])) & set(sys.modules))

from controller.cli.app import app

for database, command in json.loads(sys.argv[1]):
    os.environ["EVALCAMPAIGN_DB"] = database
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit, Exception):
        app(command, standalone_mode=True)
    note(" ".join(command) + (" of a database" if database else " of a cluster"))

import controller.analysis, controller.cli, controller.report

for package in (controller.cli, controller.analysis, controller.report):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            note(module.name)
json.dump(imported, sys.stdout)
"""


def imported(commands: list[tuple[str, list[str]]], folder: Path) -> dict[str, list[str]]:
    """Runs the commands, each on the database beside it, and imports all modules, in one process of their own.

    Returns the server packages that the process had imported after each.
    """
    environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(folder)}
    environment |= {"KUBECONFIG": str(folder / "none")}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(commands), json.dumps(SERVER_PACKAGES)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_no_command_and_no_module_imports_what_only_the_controller_needs(run: Run, seeded: str, tmp_path: Path) -> None:
    arguments = {
        "run": ["--subject", "tikv", "--chaos", "node_kill"],
        "watch": ["demo"],
        "suspend": ["demo"],
        "resume": ["demo"],
        "abort": ["demo"],
        "token": ["demo"],
        "subjects": [],
        "list": [],
        "trials": ["uid-1"],
        "show": ["uid-1", "--trial", "1"],
        "export": ["uid-1"],
        "analyze": ["uid-1"],
        "compare": ["uid-1", "uid-3"],
        "compare-baseline": ["uid-1"],
        "compare-variants": ["--subject", "tikv", "--chaos", "node_kill"],
        "report": ["uid-1", "-o", str(tmp_path / "report.html")],
        "doctor": ["--agent-db", str(tmp_path / "none.db")],
        "forward": ["--db", "x", "--to", "http://127.0.0.1:1", "--token-file", "x", "--time-zone", "Nowhere"],
        "backup": [str(tmp_path / "copy.db")],
        "unlock": ["tikv/tikv"],
        "version": [],
    }
    names = {c.__name__.strip("_").replace("_", "-") for commands in COMMANDS.values() for c in commands}
    assert names == set(arguments)
    helps = [["--help"], *([name, "--help"] for name in arguments)]
    commands = [[name, *words] for name, words in arguments.items()]
    # Once with the records of a database, once with those of a cluster, which is not there.
    runs = [("", words) for words in helps] + [(db, words) for db in (seeded, "") for words in commands]
    found = imported(runs, tmp_path)
    assert len(found) > len(runs), "and the modules"
    assert {what: packages for what, packages in found.items() if packages} == {}
    assert (tmp_path / "copy.db").exists() and (tmp_path / "report.html").exists(), "the commands did their work"


def test_help_is_quick_because_it_imports_nothing_large() -> None:
    code = """
import json, sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from controller.cli.app import app
with suppress(SystemExit), redirect_stdout(StringIO()):
    app(["run", "--help"])
json.dump(sorted({"kubernetes", "scipy", "numpy", "matplotlib"} & set(sys.modules)), sys.stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
