"""The liveness probe tells a controller whose drivers live from one that has lost a driver."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from contextlib import suppress
from datetime import timedelta

import aiohttp
import pytest

from bench.scripted import AWAY, Script
from controller.campaign import control
from controller.kube import KubeApi
from controller.kube import campaigns as kube_campaigns
from controller.records import store
from tests.emulator.apiserver import is_status_write
from tests.emulator.stage import Stage
from tests.support.waiting import eventually


@pytest.fixture
def probed(stage: Stage) -> Stage:
    """A stage whose controller will serve its probe."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stage.settings = dataclasses.replace(stage.settings, liveness_port=port)
    return stage


async def ask(stage: Stage, path: str = "/healthz") -> int:
    status, _ = await ask_why(stage, path)
    return status


async def ask_why(stage: Stage, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{stage.settings.liveness_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def answers(stage: Stage, path: str, says: str) -> None:
    """Wait until it says this."""
    for _ in range(18_000):
        with suppress(aiohttp.ClientConnectionError):
            if says in (said := (await ask_why(stage, path))[1]):
                return
        await asyncio.sleep(0.01)
    raise AssertionError(said)


async def test_while_the_records_migrate_it_lives_and_is_not_ready(
    probed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated, migrate = threading.Event(), store.migrate

    def slowly(url: str) -> None:
        assert migrated.wait(180)
        migrate(url)

    monkeypatch.setattr(store, "migrate", slowly)
    starting = asyncio.create_task(probed.start())
    await answers(probed, "/readyz", "the records are being opened")
    assert (await ask(probed), await ask(probed, "/readyz")) == (200, 503)
    assert not starting.done()
    migrated.set()
    await starting
    assert (await ask(probed), await ask(probed, "/readyz")) == (200, 200)


async def test_while_there_is_no_crd_it_lives_and_is_not_ready(probed: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    there, missing = threading.Event(), kube_campaigns._missing_crd

    async def not_yet(api: KubeApi) -> str | None:
        return await missing(api) if there.is_set() else "no CRD"

    monkeypatch.setattr(kube_campaigns, "_missing_crd", not_yet)
    monkeypatch.setattr(kube_campaigns, "CRD_RETRY_SECONDS", 0.05)
    starting = asyncio.create_task(probed.start())
    await answers(probed, "/readyz", "does not serve EvalCampaigns yet")
    assert await ask(probed) == 200 and not starting.done()
    there.set()
    await starting
    assert await ask(probed, "/readyz") == 200


async def test_it_answers_200_while_the_drivers_live(probed: Stage) -> None:
    await probed.start()
    probed.lab.scripts["subject"] = Script(reset_takes=0.5)
    key = probed.apply()
    await probed.until_step(key, "reset")
    assert await ask(probed) == 200
    await probed.until(key, "Complete")


async def test_it_answers_500_when_a_driver_is_overdue(probed: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "GRACE", timedelta(days=-1))
    probed.lab.scripts["subject"] = Script(reset_takes=60)
    await probed.start()
    key = probed.apply()
    await probed.until_step(key, "reset")
    assert await ask(probed) == 500
    status, why = await ask_why(probed, "/readyz")
    assert status == 503 and "the driver of default/c has said nothing since" in why


async def test_a_driver_that_cannot_clean_up_while_the_api_server_is_away_is_not_overdue(
    probed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "GRACE", timedelta(seconds=1.5))
    script = probed.lab.scripts["subject"] = Script(cleanup_error=AWAY)
    await probed.start()
    key = probed.apply(deadlines={"cleanupSeconds": 0.1})
    await probed.until_step(key, "cleanup")
    await asyncio.sleep(2.5)
    assert await ask(probed) == 200
    script.cleanup_error = None
    await probed.until(key, "Complete")


async def test_a_driver_that_has_only_its_last_status_left_to_write_is_not_overdue(
    probed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "GRACE", timedelta(days=-1))
    await probed.start()
    with probed.api.refusing(is_status_write, 422):
        key = probed.apply()
        await eventually(lambda: probed.finished("default", "c"))
        await eventually(lambda: ("Normal", "AllTrialsDone") in probed.events(key))
        assert await ask(probed) == 200
