"""A stage for each test, with windows of fractions of a second and an eager controller."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import kmock
import pytest

from bench.quick import QuickSpec
from controller import handlers
from controller.campaign import lifecycle, parsing, preconditions
from tests.emulator.apiserver import ApiServer
from tests.emulator.stage import Stage


@pytest.fixture(autouse=True, scope="session")
def _take_turns() -> Iterator[None]:
    """Let the controller's thread and the API server's take turns more often than every 5 ms.

    Each waits for the other's answers: with the interpreter's interval, and two cores for them to fight on, twenty
    campaigns take three times as long as on one core.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and pauses that suit a test."""
    monkeypatch.setattr(parsing, "CampaignSpec", QuickSpec)
    monkeypatch.setattr(lifecycle, "CampaignSpec", QuickSpec)
    monkeypatch.setattr(preconditions, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(handlers, "DELETION_RETRY_SECONDS", 0.3)


@pytest.fixture
async def stage(eager: None, tmp_path: Path) -> AsyncIterator[Stage]:
    """An API server and a controller that is not started yet; afterwards both are gone, whatever happened."""
    async with ApiServer() as api, kmock.Server(api):
        made = Stage(api, tmp_path)
        try:
            yield made
        finally:
            await made.stop()
            await api.close_watches()


@pytest.fixture
async def running(stage: Stage) -> Stage:
    """The same, with the controller at work."""
    await stage.start()
    return stage
