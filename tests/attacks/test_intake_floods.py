"""An agent that sends as much as it can, as badly as it can, costs neither the watching process nor other campaigns."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.agents.intake import parser_pool
from controller.agents.intake.limits import (
    BYTES,
    MAX_AT_ONCE,
    MAX_BYTES,
    MEBIBYTE,
    REQUESTS,
    Budgets,
    OverBudget,
    RequestKind,
)
from controller.agents.intake.models import BOUNDS
from controller.agents.intake.parser_pool import ParserPool
from tests.support.intakes import HONEST, HOSTILE, TICKET, Intake, served
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def workers() -> Iterator[ParserPool]:
    """They keep nothing, and are replaced when they die: one pair does for all tests."""
    made = ParserPool()
    yield made
    asyncio.run(made.close())


@pytest.fixture
async def intake(tmp_path: Path, workers: ParserPool) -> AsyncIterator[Intake]:
    async with served(tmp_path, workers=workers) as made:
        yield made


def entry(sequence: int, **said: Any) -> dict[str, Any]:
    return {"session": "s", "sequence": sequence, "type": "tool_call", "params": "ls", **said}


def memory(pid: int | str, what: str = "VmRSS") -> int:
    """In bytes, of a process."""
    [kibibytes] = re.findall(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kibibytes) << 10


def pid_of(intake: Intake, kind: str) -> int:
    """The process that reads bodies of this kind."""
    pid = intake.workers._workers[kind].pid
    assert pid is not None
    return pid


def filled(opening: bytes, piece: bytes, closing: bytes = b"") -> bytes:
    """A mebibyte of it."""
    return opening + piece * ((MAX_BYTES - len(opening) - len(closing)) // len(piece)) + closing


BOMBS = {
    "empty lists": filled(b'{"entries": [', b"[],", b"[]]}"),
    "empty objects": filled(b'{"entries": [', b"{},", b"{}]}"),
    "depth": filled(b'{"entries": ', b"["),
    "one integer": filled(b'{"entries": ', b"9"),
    "one name after the other": b"{" + b",".join(b'"%d":0' % n for n in range(99_000)) + b"}",
    "no end of a text": filled(b'{"entries": "', b"\\"),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_sixteen_bodies_that_grow_when_they_are_read_cost_the_watching_process_little(
    intake: Intake, name: str
) -> None:
    async with intake.client(HOSTILE) as hostile, intake.client(HONEST) as honest:
        await hostile.post("/v1/log", json={"entries": [entry(1)]})
        before = memory("self")
        flood = [asyncio.create_task(hostile.post("/v1/log", content=BOMBS[name])) for _ in range(16)]
        assert (await honest.put("/v1/tickets/t", json=TICKET)).status_code == 204
        answers = await asyncio.gather(*flood)
        assert {answer.status_code for answer in answers} <= {413, 422, 503}
        assert any(answer.status_code != 503 for answer in answers), "none was read"
        # The bodies themselves and the copies on their way are some; this process has both ends.
        assert memory("self") - before < 100 << 20
        for pid in intake.workers.pids():
            assert memory(pid, "VmHWM") < 200 << 20


async def test_the_same_shape_within_bounds_and_texts_full_of_commas_are_taken(intake: Intake) -> None:
    params = {"command": "ls", "rows": [[n] for n in range(2_000)], "text": ",:[{" * 60_000}
    assert '"text"' in str(httpx.Request("POST", "http://x", json=params).content)
    async with intake.client(HONEST) as agent:
        answer = await agent.post("/v1/log", json={"entries": [entry(n, params=params) for n in (1, 2, 3)]})
        assert answer.status_code == 204, answer.text
        deep = b'{"entries": [{"session": "s", "sequence": 9, "type": "tool_call", "params": {"x": %s}}]}'
        for levels, status in ((BOUNDS.levels - 10, 204), (BOUNDS.levels + 10, 422)):
            body = deep % (b"[" * levels + b"]" * levels)
            assert (await agent.post("/v1/log", content=body)).status_code == status


@pytest.mark.parametrize("kind", ["log", "ticket"])
async def test_a_process_that_dies_is_replaced(intake: Intake, kind: str) -> None:
    async with intake.client(HONEST) as agent:
        numbers = count(1)

        async def send() -> int:
            if kind == "log":
                return (await agent.post("/v1/log", json={"entries": [entry(next(numbers))]})).status_code
            return (await agent.put(f"/v1/tickets/{next(numbers)}", json=TICKET)).status_code

        assert await send() == 204
        for pid in intake.workers.pids():
            os.kill(pid, signal.SIGKILL)
        # The death of one that has nothing to do is seen with the next body, which finds another or is sent again.
        assert [await send(), await send()][-1] == 204


async def test_a_body_over_which_the_process_hangs_is_refused_and_the_next_one_is_read(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with intake.client(HOSTILE) as hostile, intake.client(HONEST) as honest:
        assert (await hostile.post("/v1/log", json={"entries": [entry(1)]})).status_code == 204
        monkeypatch.setattr(parser_pool, "MAX_SECONDS", 0.3)
        pid = pid_of(intake, "log")
        os.kill(pid, signal.SIGSTOP)
        answer = await hostile.post("/v1/log", json={"entries": [entry(2)]})
        assert answer.status_code == 413 and "time and memory" in answer.json()["error"]
        monkeypatch.undo()
        assert (await honest.post("/v1/log", json={"entries": [entry(1)]})).status_code == 204
        assert pid not in intake.workers.pids()


async def test_a_flood_of_logs_is_stopped_and_the_campaigns_tickets_and_others_logs_are_taken(intake: Intake) -> None:
    numbers = count(1)
    async with intake.client(HOSTILE) as hostile, intake.client(HONEST) as honest:
        cursor = await intake.source(HOSTILE).current_cursor()
        refused: httpx.Response | None = None
        for _ in range(2 * int(BYTES[RequestKind.LOG].burst) // MEBIBYTE):
            body = {"entries": [entry(next(numbers), content="x" * 250_000) for _ in range(4)]}
            answer = await hostile.post("/v1/log", json=body)
            assert answer.status_code in (204, 429), answer.text
            refused = answer if answer.status_code == 429 else refused
        assert refused is not None, "nothing stopped it"
        assert int(refused.headers["retry-after"]) >= 1 and "a second" in refused.json()["error"]
        assert (await hostile.put("/v1/tickets/t", json=TICKET)).status_code == 204
        assert (await honest.post("/v1/log", json={"entries": [entry(1)]})).status_code == 204
        source = intake.source(HOSTILE)
        log = await source.read_commands(cursor, (await source.poll(cursor)).tickets)
        assert not log.complete and "were refused" in log.reason


async def test_one_campaigns_requests_at_once_leave_room_for_anothers(intake: Intake) -> None:
    """Held up where they wait for a reader that does nothing, they are refused beyond so many, and others are not."""
    async with intake.client(HOSTILE) as hostile, intake.client(HONEST) as honest:
        assert (await honest.post("/v1/log", json={"entries": [entry(1)]})).status_code == 204
        pid = pid_of(intake, "log")
        os.kill(pid, signal.SIGSTOP)
        logs = [asyncio.create_task(hostile.post("/v1/log", json={"entries": [entry(n)]})) for n in range(1, 33)]
        await eventually(lambda: sum(task.done() for task in logs) == 28)
        assert {task.result().status_code for task in logs if task.done()} == {503}
        for agent in (hostile, honest):
            assert (await agent.put("/v1/tickets/t", json=TICKET)).status_code == 204
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*logs)


def test_a_budget_fills_up_again_and_is_each_campaigns_own() -> None:
    now = [0.0]
    budgets = Budgets(lambda: now[0])

    def send(campaign: str, kind: RequestKind = RequestKind.LOG, size: int = 10) -> bool:
        try:
            budgets.enter(campaign, kind, size)
        except OverBudget as over:
            assert over.rate and over.wait >= 1
            return False
        budgets.leave(campaign, kind, size, size)
        return True

    burst, rate = int(REQUESTS[RequestKind.LOG].burst), int(REQUESTS[RequestKind.LOG].a_second)
    assert sum(send("a") for _ in range(2 * burst)) == burst
    assert send("b") and send("a", RequestKind.TICKETS)
    now[0] = 1.0
    assert sum(send("a") for _ in range(2 * burst)) == rate
    now[0] = 1e6
    assert sum(send("a") for _ in range(2 * burst)) == burst


def test_large_bodies_in_all_are_bounded_and_small_ones_taken_beside_them() -> None:
    budgets = Budgets(lambda: 0.0)
    entered = 0
    for campaign in map(str, range(40)):
        for _ in range(MAX_AT_ONCE):
            try:
                budgets.enter(campaign, RequestKind.TICKETS, MEBIBYTE)
            except OverBudget as over:
                assert not over.rate
            else:
                entered += 1
    assert entered == 16
    budgets.enter("another", RequestKind.TICKETS, 1000)
