"""Whoever may create campaigns and has nobody's consent costs the API server, the controller and the others little.

A thousand in name: so many as a test has time for, with limits in proportion. What is asked for is counted.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.scripted import Script
from controller.campaign import preconditions
from controller.campaign.limits import ChangeNotifier, NamespaceLimits
from controller.campaign.preconditions import MAX_RETRY_SECONDS, MAX_RETRY_UNAUTHORIZED_SECONDS, next_retry_seconds
from controller.records import CampaignRow, Records
from controller.status import Refusal
from tests.emulator.objects import Key
from tests.emulator.stage import Stage
from tests.support.waiting import eventually
from tests.unit.records.samples import spec

OWN = "evalcampaign"
MANY = 24
ACTIVE = 8


@pytest.fixture
async def crowded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A controller that lets eight of a namespace be active, and a subject whose owner does not consent."""
    monkeypatch.setattr(preconditions, "RETRY_SECONDS", 0.2)
    stage.namespace(OWN, consents=False)
    stage.namespace("guarded", consents=False)
    stage.namespace("attacker", consents=False)
    stage.settings = replace(stage.settings, intake_port=_free_port(), namespace=OWN, active_campaigns=ACTIVE)
    await stage.start()
    yield stage


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def flood(stage: Stage) -> list[Key]:
    agent = {"mode": "agent", "agent": {"source": "http"}}
    return [stage.apply(f"c{n:03}", subject="guarded", namespace="attacker", **agent) for n in range(MANY)]


def reasons(stage: Stage, keys: list[Key]) -> list[str]:
    return sorted((stage.condition(key, "Progressing") or ("", ""))[1] for key in keys)


def waiting_for(stage: Stage, keys: list[Key], word: str) -> list[Key]:
    return [key for key in keys if stage.condition(key, "Progressing") == ("False", word)]


def secrets(stage: Stage) -> int:
    return len(stage.api.objects.list("secrets", OWN))


async def test_without_consent_there_are_no_secrets_few_ask_and_another_namespace_is_served(crowded: Stage) -> None:
    keys = flood(crowded)
    expected = ["NotOptedIn"] * ACTIVE + ["TooManyCampaigns"] * (MANY - ACTIVE)
    await eventually(lambda: reasons(crowded, keys) == expected, lambda: str(reasons(crowded, keys)))
    assert secrets(crowded) == 0
    waiting = next(key for key in keys if crowded.condition(key, "Progressing") == ("False", "TooManyCampaigns"))
    said = crowded.status(waiting)
    assert said["phase"] == "Pending" and "8 campaigns of namespace attacker are active" in said["message"]
    crowded.lab.scripts["subject"] = Script(heal_after=0.2)
    honest = crowded.apply("honest")
    await crowded.until(honest, "Complete")


async def test_once_the_owner_consents_all_go_on_and_each_has_its_token_while_it_is_active(crowded: Stage) -> None:
    keys = [crowded.apply(f"c{n}", subject="guarded", agent={"source": "http"}, mode="agent", observeSeconds=0.2)
            for n in range(3)]  # fmt: skip
    await eventually(lambda: reasons(crowded, keys) == ["NotOptedIn"] * 3)
    assert secrets(crowded) == 0
    crowded.lab.scripts["guarded"] = Script(heal_after=None)
    crowded.label("guarded", "true")
    crowded.annotate("guarded", "default")
    for key in keys:
        await crowded.until(key, "Complete")
    assert secrets(crowded) == 0


async def test_who_waits_for_a_place_can_be_aborted_suspended_and_deleted(crowded: Stage) -> None:
    keys = flood(crowded)
    for word in ("TooManyCampaigns", "NotOptedIn"):
        await eventually(lambda: len(waiting_for(crowded, keys, "NotOptedIn")) == ACTIVE)
        await eventually(lambda word=word: len(waiting_for(crowded, keys, word)) >= 3)  # type: ignore[misc]
        those = waiting_for(crowded, keys, word)
        crowded.change(those[0], abort=True)
        crowded.change(those[1], suspend=True)
        crowded.delete(those[2])
        await crowded.until(those[0], "Aborted")
        await crowded.until(those[1], "Suspended")
        await crowded.gone(those[2])
        keys.remove(those[2])
    active = lambda: len(waiting_for(crowded, keys, "NotOptedIn"))  # noqa: E731
    await eventually(lambda: active() == ACTIVE, lambda: f"{active()} are active")


def test_who_is_refused_again_and_again_asks_less_and_less() -> None:
    no, other = Refusal("NotOptedIn", "n"), Refusal("SubjectNotReady", "s")  # type: ignore[arg-type]

    def questions(refusal: Refusal, seconds: float) -> int:
        count, pause, said, at = 0, 0.0, None, 0.0
        while at < seconds:
            pause = next_retry_seconds(pause, refusal, said)
            at, said, count = at + pause, refusal, count + 1
        return count

    assert questions(no, 3600) < 3600 / MAX_RETRY_UNAUTHORIZED_SECONDS + 12
    assert questions(other, 3600) < 3600 / MAX_RETRY_SECONDS + 8
    assert next_retry_seconds(30.0, other, no) == 1.0, "something has changed"


async def test_what_one_learns_wakes_those_who_wait_for_the_same_and_leaves_nothing_behind() -> None:
    changes = ChangeNotifier()
    waiting = [asyncio.create_task(changes.wait("a", 600)) for _ in range(3)]
    other = asyncio.create_task(changes.wait("b", 600))
    await asyncio.sleep(0)
    changes.publish("a", "changed")
    await asyncio.gather(*waiting)
    again = asyncio.create_task(changes.wait("a", 600))
    await asyncio.sleep(0)
    for _ in waiting:
        changes.publish("a", "changed")  # each of them has seen the same
    await asyncio.sleep(0)
    assert not again.done()
    changes.publish("a", "changed back")
    await again
    assert not other.done()
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    await changes.wait("c", 0.001)
    assert not changes._waiting and "c" not in changes._published


async def rows(folder: Path, how_many: int) -> list[CampaignRow]:
    records = await Records.open(f"sqlite:///{folder}/records.db")
    first = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        await records.ensure_campaign(f"u{n}", "ns", f"c{n}", spec(), first + timedelta(seconds=n))
        for n in range(how_many)
    ]
    await records.close()
    return made


async def test_the_oldest_become_active_first_and_who_has_begun_never_waits(tmp_path: Path) -> None:
    limits, order = NamespaceLimits(2), []
    go_on: dict[str, asyncio.Event] = {}

    async def take(row: CampaignRow, entitled: bool = False) -> None:
        async with limits.active(row, entitled, lambda called: called.wait()):  # type: ignore[arg-type, return-value]
            order.append(row.name)
            await go_on.setdefault(row.name, asyncio.Event()).wait()

    made = await rows(tmp_path, 6)
    tasks = {}
    for row in (made[0], made[1], made[4], made[2], made[3]):
        tasks[row.name] = asyncio.create_task(take(row))
        await asyncio.sleep(0)
    assert order == ["c0", "c1"]
    tasks["c5"] = asyncio.create_task(take(made[5], entitled=True))
    await asyncio.sleep(0)
    assert order == ["c0", "c1", "c5"]
    tasks["c2"].cancel()
    for done, next_ in (("c5", None), ("c0", "c3"), ("c1", "c4")):
        go_on[done].set()
        await tasks[done]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert next_ is None or order[-1] == next_
    for name in ("c3", "c4"):
        go_on[name].set()
        await tasks[name]
    async with limits.active(made[0], False, lambda called: called.wait()):  # type: ignore[arg-type, return-value]
        pass
