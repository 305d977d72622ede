"""The scripted agent as a program: what it is told, what it may know, and how it ends."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from examples.agent.agent.http_journal import HttpJournal
from examples.agent.agent.life import journal_of
from examples.agent.agent.operator_db import OperatorDb
from examples.agent.agent.policies import POLICIES
from examples.agent.agent.settings import InvalidSettings, Settings
from tests.support.waiting import eventually
from tests.unit.agent.world import TOKEN, World, serving

HOME = Path(__file__).parents[3] / "examples" / "agent"
MODULES = sorted((HOME / "agent").glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_an_outsider_imports_the_standard_library_and_httpx_and_itself(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add((node.module or "").partition(".")[0])
    assert imported <= {*sys.stdlib_module_names, "httpx"}


def test_with_nothing_said_but_where_to_tell_it_is_a_fixer_that_watches_tikv() -> None:
    settings = Settings.of({"AGENT_REPORT": "http://intake:8090"})
    assert (settings.policy, settings.subject, settings.namespace) == ("fixer", "tikv", "tikv")
    assert settings.pd == "http://pd.tikv:2379"
    assert settings.patience == 2


def test_an_etcd_has_no_pd() -> None:
    assert Settings.of({"AGENT_REPORT": "/o.db", "AGENT_SUBJECT": "etcd"}).pd == ""


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "AGENT_REPORT"),
        ({"AGENT_REPORT": "x", "AGENT_POLICY": "hero"}, ", ".join(POLICIES)),
        ({"AGENT_REPORT": "x", "AGENT_SUBJECT": "moon"}, "tikv, etcd"),
        ({"AGENT_REPORT": "x", "AGENT_PATIENCE": "some"}, "AGENT_PATIENCE=some is not a number"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(environment: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSettings, match=told):
        Settings.of(environment)


def test_a_path_is_a_file_and_a_url_an_intake() -> None:
    assert isinstance(journal_of(Settings.of({"AGENT_REPORT": "/shared/operator.db"})), OperatorDb)
    assert isinstance(journal_of(Settings.of({"AGENT_REPORT": "http://intake:8090"})), HttpJournal)


async def test_the_program_sees_and_ends_at_once_and_well_when_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    world = World()
    async with serving(world) as url:
        agent = {"REPORT": str(tmp_path / "operator.db"), "API": url, "PD": url, "ACCOUNT": str(tmp_path)}
        agent |= {"READY": str(tmp_path / "ready"), "EVERY": "0.01"}
        environment = os.environ | {f"AGENT_{name}": value for name, value in agent.items()}
        environment["PYTHONPATH"] = str(HOME)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            await eventually(lambda: (tmp_path / "ready").exists() or process.returncode is not None)
            process.send_signal(signal.SIGTERM)
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0, said
    assert "fixer, watching tikv in tikv" in said.decode()
    assert "nothing is wrong" in said.decode() and "stopped" in said.decode()


def test_the_program_says_what_it_lacks_and_does_not_begin() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HOME)}
    done = subprocess.run([sys.executable, "-m", "agent"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("AGENT_REPORT is not set")
