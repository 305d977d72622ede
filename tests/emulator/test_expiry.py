"""Finished campaigns that go by themselves, and those that must not."""

from __future__ import annotations

import asyncio

import pytest

from bench.scripted import Script
from controller.campaign import lifecycle
from subjects.protocol import SubjectError
from tests.emulator.apiserver import is_deletion
from tests.emulator.stage import Stage
from tests.support.waiting import eventually


async def test_with_a_ttl_of_0_it_goes_as_soon_as_its_end_was_told_and_its_records_stay(running: Stage) -> None:
    key = running.apply(ttlSecondsAfterFinished=0)
    await running.gone(key)
    assert running.phases(key)[-1] == "Complete"
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]
    assert running.row(key).deleted_at is not None and running.row(key).phase.value == "Complete"


async def test_without_a_ttl_it_stays_until_one_is_given(running: Stage) -> None:
    key = running.apply()
    await running.until(key, "Complete")
    running.change(key, ttlSecondsAfterFinished=3600)
    await eventually(lambda: running.status(key)["observedGeneration"] == 2)
    assert running.exists(key)
    running.change(key, ttlSecondsAfterFinished=0)
    await running.gone(key)


async def test_what_is_asked_while_the_controller_is_away_holds_when_it_is_back(running: Stage) -> None:
    key = running.apply(ttlSecondsAfterFinished=3600)
    await running.until(key, "Complete")
    await running.stop()
    running.change(key, ttlSecondsAfterFinished=0)
    await running.start()
    await running.gone(key)
    assert running.row(key).deleted_at is not None


async def test_an_aborted_campaign_goes_too(running: Stage) -> None:
    key = running.apply(subject="nowhere", ttlSecondsAfterFinished=0)
    await running.until(key, "Pending")
    running.change(key, abort=True)
    await running.gone(key)
    assert running.phases(key)[-1] == "Aborted"


@pytest.mark.parametrize("restart", [False, True], ids=["at once", "with a restart in between"])
async def test_it_stays_while_its_cleanup_has_failed(running: Stage, restart: bool) -> None:
    running.lab.scripts["subject"] = Script(cleanup_error=SubjectError("the pod will not go"))
    key = running.apply(ttlSecondsAfterFinished=0)
    await running.until(key, "Failed")
    if restart:
        await running.stop()
        await running.start()
    await asyncio.sleep(0.5)
    assert running.exists(key) and "deletionTimestamp" not in running.api.objects.get(key)["metadata"]
    assert running.locks() == ["default/c"]


async def test_a_deletion_that_is_refused_is_tried_again(running: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "EXPIRY_RETRY_SECONDS", 0.05)
    with running.api.refusing(is_deletion, 403, "Forbidden"):
        key = running.apply(ttlSecondsAfterFinished=0)
        await running.until(key, "Complete")
        await asyncio.sleep(0.3)
        assert running.exists(key)
    await running.gone(key)
