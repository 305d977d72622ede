"""Mistakes are answered with a sentence on stderr and an exit status."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from controller.cli import program_name
from tests.unit.cli.conftest import Run


def test_no_database_is_said(run: Run, tmp_path: Path) -> None:
    result = run("list", db=f"sqlite:///{tmp_path}/none.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"There are no records at {tmp_path}/none.db. Name the database with --db, or start a controller.\n"
    )


def test_a_newer_schema_is_said(run: Run, empty: str) -> None:
    with closing(sqlite3.connect(empty.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        connection.commit()
    result = run("list", db=empty)
    assert result.exit_code == 1 and "written by a newer evalcampaign" in result.stderr


def test_something_else_than_a_database_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("hello " * 1000)
    result = run("list", db=f"sqlite:///{tmp_path}/x.db")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1) and "file is not a database" in result.stderr
    assert run("list", db="nonsense").exit_code == 1


@pytest.mark.parametrize("command", [["trials", "nope"], ["show", "nope", "-t", "1"]])
def test_an_unknown_campaign_lists_the_known_ones(run: Run, command: list[str]) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    known = "default/demo, team-b/leader-kill-at-night"
    assert result.stderr == f"No campaign 'nope' is recorded; known are {known}\n"


def test_an_unknown_trial_lists_the_known_ones(run: Run) -> None:
    result = run("show", "uid-1", "--trial", "7")
    assert result.exit_code == 1
    assert result.stderr == "Campaign demo has no trial 7; recorded (trial.attempt) are 1.1, 2.1, 2.2, 3.1\n"


@pytest.mark.parametrize(
    "arguments", [["show", "demo"], ["show", "demo", "-t", "0"], ["list", "-o", "xml"], ["nope"], []]
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_program_is_named_as_it_was_called() -> None:
    assert program_name("/usr/local/bin/kubectl-evalcampaign") == "kubectl evalcampaign"
    assert program_name("/usr/local/bin/eval") == "eval"
    assert program_name("/somewhere/controller/cli/__main__.py") == "evalcampaign"


HEAVY = """
    aiohttp alembic asyncio httpx jinja2 kopf kubernetes matplotlib numpy prometheus_client pydantic rich.live
    scipy sqlalchemy starlette subjects uvicorn yaml
"""


def test_help_loads_nothing_that_takes_its_time() -> None:
    """The way to keep start-up quick that does not depend on how busy the machine is."""
    script = (
        "import sys, controller.cli\n"
        "try: controller.cli.app(['--help'])\n"
        f"except SystemExit: sys.exit(' '.join(set({HEAVY.split()}) & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "Run campaigns" in ran.stdout and "run" in ran.stdout
    assert (ran.returncode, ran.stderr) == (0, "")


def test_version_names_the_schema(run: Run) -> None:
    assert run("version").stdout.strip().endswith("records schema 0006")


def test_a_gate_that_could_not_be_judged_is_said_before_anything_is_created(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "kubeconfig"  # with a cluster, or the packages, it would get further than to say this
    monkeypatch.setenv("KUBECONFIG", str(nowhere))
    monkeypatch.setitem(sys.modules, "scipy", None)
    asked = ("run", "--subject", "etcd", "--chaos", "node_kill", "--baseline", "--fail-under", "0.5")
    result = run(*asked)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "This takes scipy, which is not installed" in result.stderr
    assert "--no-wait exclude each other" in run(*asked, "--no-wait").stderr


def test_following_a_campaign_takes_none_of_the_packages_of_the_evidence() -> None:
    code = "import sys, controller.cli.run.execution; sys.exit(bool({'scipy', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
