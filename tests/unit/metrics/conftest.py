"""Records to look into: campaigns in several phases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from controller.api import Phase
from controller.records import Records
from tests.unit.records.samples import at, spec

PHASES = [
    ("etcd", Phase.RUNNING),
    ("etcd", Phase.QUEUED),
    ("tikv", Phase.QUEUED),
    ("tikv", Phase.QUEUED),
    ("tikv", Phase.COMPLETE),
    ("mongodb", Phase.QUEUED),
    ("mongodb", Phase.FAILED),
]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a campaign for each of PHASES, and a Queued one whose object is gone."""
    made = f"sqlite:///{tmp_path_factory.mktemp('metrics')}/records.db"
    asyncio.run(_fill(made))
    return made


@pytest.fixture
def missing(tmp_path: Path) -> str:
    """A database that is not there."""
    return f"sqlite:///{tmp_path}/none.db"


async def _fill(url: str) -> None:
    records = await Records.open(url)
    for number, (subject, phase) in enumerate([*PHASES, ("tikv", Phase.QUEUED)]):
        uid = f"uid-{number}"
        asked = spec(subject={"type": subject, "namespace": "s"})
        await records.ensure_campaign(uid, "default", uid, asked, at(number))
        await records.set_phase(uid, phase, "Reason", "", at(number))
    await records.mark_deleted(f"uid-{len(PHASES)}", at(100))
    await records.close()
