"""Seeded databases, and the command line on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from controller.api import Phase, Step
from controller.cli.app import app
from controller.records import Records
from tests.unit.records.samples import at, fill, spec

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever kubeconfig this machine has: no test of the command line may find somebody's cluster."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, unless a test says how wide: whoever runs tests side by side may have set a width for all of them."""
    monkeypatch.delenv("COLUMNS", raising=False)


async def seed(url: str) -> None:
    """`demo` complete and, created again later, running; `leader-kill-at-night` pending."""
    records = await Records.open(url)
    await fill(records)
    night = spec(trials=500, chaos={"type": "leader_kill"})
    await records.ensure_campaign("uid-2", "team-b", "leader-kill-at-night", night, at(500))
    await records.ensure_campaign("uid-3", "default", "demo", spec(trials=5), at(600))
    await records.set_phase("uid-3", Phase.RUNNING, "Started", "", at(601))
    row = await records.open_attempt("uid-3", 1, 1, at(602))
    await records.update(row.id, at=at(603), step=Step.AWAIT_HEALTHY)
    await records.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database that tests only read."""
    url = f"sqlite:///{tmp_path_factory.mktemp('seeded')}/records.db"
    asyncio.run(seed(url))
    return url


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """The URL of a database that a controller has opened and nobody used."""

    async def make(url: str) -> str:
        await (await Records.open(url)).close()
        return url

    return asyncio.run(make(f"sqlite:///{tmp_path}/records.db"))


@pytest.fixture
def run(seeded: str) -> Run:
    """Run the command on the seeded database (or on `db`), at so many columns; None is a pipe."""

    def run_(*arguments: str, db: str = seeded, columns: int | None = 160) -> Result:
        env = {"EVALCAMPAIGN_DB": db, "COLUMNS": None if columns is None else str(columns)}
        return CliRunner().invoke(app, arguments, env=env)

    return run_
