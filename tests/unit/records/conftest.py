"""Real SQLite files, one a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.records import Records
from tests.unit.records.samples import at, spec


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the records will be; the folder is not there yet."""
    return tmp_path / "data" / "records.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture
async def records(url: str) -> AsyncIterator[Records]:
    """Open records with one campaign, uid-1, of three trials."""
    opened = await Records.open(url)
    await opened.ensure_campaign("uid-1", "default", "demo", spec(), at(0))
    yield opened
    await opened.close()
