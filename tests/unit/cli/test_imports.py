"""What a person's machine does not need, the command line does not import there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controller.cli.app import COMMANDS
from tests.unit.cli.conftest import Run

SERVER_PACKAGES = ("kopf", "alembic", "uvicorn", "starlette", "fastapi", "tikv", "grpc", "prometheus_client")
"""What only the controller's own process uses: the operator, its migrations, its servers, its client of TiKV."""

RUN_ALL = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO

from controller.cli.app import app

imported = {}
for command in json.loads(sys.argv[1]):
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit, Exception):
        app(command, standalone_mode=True)
    imported[" ".join(command)] = sorted(set(json.loads(sys.argv[2])) & set(sys.modules))
json.dump(imported, sys.stdout)
"""


def imported(commands: list[list[str]], database: str, folder: Path) -> dict[str, list[str]]:
    """Runs the commands one after another in a process of their own; returns the server packages in it after each."""
    environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(folder)}
    environment |= {"KUBECONFIG": str(folder / "none"), "EVALCAMPAIGN_DB": database}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps(commands), json.dumps(SERVER_PACKAGES)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_no_command_imports_what_only_the_controller_needs(run: Run, seeded: str, tmp_path: Path) -> None:
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
    commands = [[name, *words] for name, words in arguments.items()]
    # Once with the records of a database, once with those of a cluster, which is not there.
    for database in (seeded, ""):
        found = imported([["--help"], *([name, "--help"] for name in arguments), *commands], database, tmp_path)
        assert {command: packages for command, packages in found.items() if packages} == {}
    assert (tmp_path / "copy.db").exists() and (tmp_path / "report.html").exists(), "the commands did their work"


def test_no_module_of_the_command_line_imports_what_only_the_controller_needs() -> None:
    code = """
import pkgutil, sys, importlib, json
import controller.cli, controller.analysis, controller.report
for package in (controller.cli, controller.analysis, controller.report):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
json.dump(sorted(set(json.loads(sys.argv[1])) & set(sys.modules)), sys.stdout)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(SERVER_PACKAGES)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("package", ["kubernetes", "scipy", "numpy", "matplotlib"])
def test_help_is_quick_because_it_imports_nothing_large(package: str) -> None:
    code = f"""
import sys
from contextlib import suppress
from controller.cli.app import app
with suppress(SystemExit):
    app(["run", "--help"])
sys.exit({package!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
