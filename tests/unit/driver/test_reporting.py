"""The newest status is written, Events are posted, both for ever, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.campaign import reporting as module
from controller.campaign.reporting import EventRecorder, KubeEvent, StatusWriter, flush
from controller.kube import CampaignRef
from controller.metrics.prometheus import Metrics
from subjects.cluster import ClusterError, ClusterUnreachable
from tests.support.scraping import Scrape
from tests.support.waiting import eventually
from tests.unit.driver.samples import START, status

AWAY, REFUSED = ClusterUnreachable("away"), ClusterError(422, "no")


class Kube:
    """Takes statuses and Events, unless it is told to raise."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.events: list[str] = []
        self.tries = 0
        self.status_error: Exception | None = None
        self.event_error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def apply_status(self, _: Any, status: Any) -> bool:
        self.tries += 1
        await self.gate.wait()
        if self.status_error:
            raise self.status_error
        self.statuses.append(status.message)
        return True

    async def create_event(self, _: Any, key: Any, reason: Any, message: Any, warning: Any, at: Any) -> None:
        if self.event_error:
            raise self.event_error
        self.events.append(key)


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> Any:
    for pause in ("INTERVAL_SECONDS", "FIRST_RETRY_SECONDS", "LAST_RETRY_SECONDS"):
        monkeypatch.setattr(module, pause, 0.02)
    return Kube()


@pytest.fixture
async def writer(kube: Any) -> AsyncIterator[Any]:
    async with StatusWriter(kube, CampaignRef("uid", "default", "c")) as made:
        yield made


@pytest.fixture
async def recorder(kube: Any) -> AsyncIterator[Any]:
    async with EventRecorder(kube, CampaignRef("uid", "default", "c")) as made:
        yield made


def event(key: Any) -> Any:
    return KubeEvent(key, "Reason", "message", START)


async def test_of_many_statuses_only_the_newest_is_written(kube: Any, writer: Any) -> None:
    for i in range(100):
        writer.write(status(str(i)))
    await writer.wait_until_written()
    assert kube.statuses == ["99"]


async def test_the_same_status_is_not_written_twice(kube: Any, writer: Any) -> None:
    for _ in range(2):
        writer.write(status("same"))
        await writer.wait_until_written()
    assert kube.statuses == ["same"]


async def test_an_overriding_message_lasts_until_the_next_status(kube: Any, writer: Any) -> None:
    writer.override_message("said before there was anything to say it on")
    for message in ("running", "running"):
        writer.write(status(message))
        writer.override_message("the records cannot be reached")
        await writer.wait_until_written()
        writer.write(status(message))
        await writer.wait_until_written()
    assert kube.statuses == ["the records cannot be reached", "running"] * 2


async def test_handing_over_never_waits_for_the_api_server(kube: Any, writer: Any, recorder: Any) -> None:
    kube.gate.clear()
    writer.write(status("stuck"))
    await eventually(lambda: kube.tries)
    writer.write(status("newer"))
    recorder.record(event("e"))
    kube.gate.set()
    await asyncio.gather(writer.wait_until_written(), recorder.wait_until_written())
    assert kube.statuses == ["stuck", "newer"]


async def test_statuses_that_change_all_the_time_are_written_at_a_pace(
    kube: Any, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 60)
    writer.write(status("first"))
    await writer.wait_until_written()
    for i in range(20):
        writer.write(status(str(i)))
        await asyncio.sleep(0)
    assert kube.statuses == ["first"]


@pytest.mark.parametrize("error", [AWAY, REFUSED, RuntimeError("a bug")], ids=["away", "refused", "bug"])
async def test_a_status_is_tried_until_it_is_written(kube: Any, writer: Any, error: Any) -> None:
    kube.status_error = error
    writer.write(status("old"))
    await eventually(lambda: kube.tries > 3)
    writer.write(status("new"))
    kube.status_error = None
    await writer.wait_until_written()
    assert kube.statuses == ["new"]


async def test_a_refused_status_does_not_keep_events_back(kube: Any, writer: Any, recorder: Any) -> None:
    kube.status_error = REFUSED
    writer.write(status("refused"))
    recorder.record(event("e"))
    await eventually(lambda: kube.events == ["e"])


async def test_events_wait_for_an_api_server_that_is_away_and_keep_their_order(kube: Any, recorder: Any) -> None:
    kube.event_error = AWAY
    for key in ("a", "b", "c"):
        recorder.record(event(key))
    await asyncio.sleep(0.2)
    kube.event_error = None
    await recorder.wait_until_written()
    assert kube.events == ["a", "b", "c"]


async def test_an_event_that_is_refused_is_dropped_and_the_next_one_posted(kube: Any, recorder: Any) -> None:
    kube.event_error = REFUSED
    recorder.record(event("refused"))
    await recorder.wait_until_written()
    kube.event_error = None
    recorder.record(event("next"))
    await recorder.wait_until_written()
    assert kube.events == ["next"]


async def test_a_last_status_is_not_waited_for_for_ever(
    kube: Any, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.05)
    kube.status_error = REFUSED
    writer.write(status("never"))
    await flush(writer)
    assert kube.statuses == []


@pytest.mark.parametrize(
    ("error", "result"),
    [(AWAY, "unreachable"), (REFUSED, "refused"), (RuntimeError("a bug"), "broken")],
    ids=["away", "refused", "bug"],
)
async def test_every_try_is_counted_by_how_it_went_and_those_after_a_failure_as_retries(
    kube: Any, error: Any, result: Any
) -> None:
    metrics = Metrics()
    async with StatusWriter(kube, CampaignRef("uid", "default", "c"), metrics) as writer:
        kube.status_error = error
        writer.write(status("first"))
        await eventually(lambda: kube.tries > 2)
        kube.status_error = None
        await writer.wait_until_written()
        writer.write(status("second"))
        await writer.wait_until_written()
    seen = Scrape.of(metrics.registry)
    failed = kube.tries - 2
    assert seen.series("status_writes_total", "result") == {result: failed, "written": 2}
    assert seen.value("status_write_retries_total") == failed
