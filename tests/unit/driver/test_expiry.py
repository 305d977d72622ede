"""When a finished campaign's object goes."""

from __future__ import annotations

from datetime import datetime

import pytest

from controller.api import Phase
from controller.campaign.lifecycle import expires_at
from tests.unit.driver.samples import at, row

ENDED = row(Phase.COMPLETE, "AllTrialsDone", finished_at=at(10))


@pytest.mark.parametrize(("ttl", "due"), [(0, at(10)), (60, at(70)), (None, None)])
def test_it_goes_so_long_after_its_end(ttl: int | None, due: datetime | None) -> None:
    assert expires_at(ENDED, ttl) == due


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.ABORTED])
def test_however_it_ended(phase: Phase) -> None:
    assert expires_at(row(phase, "Why", finished_at=at(10)), 5) == at(15)


def test_it_stays_while_something_may_be_left_of_its_fault() -> None:
    assert expires_at(row(Phase.FAILED, "CleanupFailed", finished_at=at(10)), 0) is None


def test_it_stays_while_it_runs() -> None:
    assert expires_at(row(), 0) is None
