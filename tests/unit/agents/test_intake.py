"""The HTTP API, served for real: what it takes is committed, all else is refused, and it tells nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.agents.intake.app import intake
from controller.agents.intake.limits import MAX_AT_ONCE, MAX_BYTES
from controller.agents.intake.models import LogSent, SessionSent, TicketSent
from controller.agents.intake.parser_pool import ParserPool
from controller.agents.intake.source import HttpSource
from controller.agents.intake.tokens import TokenRegistry
from controller.agents.protocol import AgentSource
from controller.records import Records, RecordsUnavailable, inbox
from controller.serving import serving
from tests.support.waiting import eventually
from tests.unit.records.samples import spec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 12, 0, 9, tzinfo=UTC)
TOKEN = "a-token-that-is-long-enough"
OPEN = {"openedAt": "2026-01-01T13:00:03+01:00", "message": "tikv-0 is gone", "subject": "tikv/tikv"}


class Here:
    """The API, whoever may send to it, and what the engine sees of it."""

    def __init__(self, client: httpx.AsyncClient, records: Records, clock: list[datetime]) -> None:
        self.client = client
        self.records = records
        self.clock = clock
        self.source = HttpSource(records, "uid-1", lambda: self.clock[0])

    async def put(self, path: str, body: dict[str, str] | list[Any], status: int = 204) -> httpx.Response:
        answer = await self.client.put(path, json=body)
        assert answer.status_code == status, answer.text
        return answer

    async def log(self, *entries: dict[str, Any], status: int = 204) -> httpx.Response:
        answer = await self.client.post("/v1/log", json={"entries": entries})
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture(scope="module")
def workers() -> Any:
    """Processes that read bodies; they keep nothing, so one pair does for all tests."""
    made = ParserPool()
    yield made
    asyncio.run(made.close())


@pytest.fixture
async def here(tmp_path: Path, workers: Any) -> AsyncIterator[Any]:
    async with _served(tmp_path, workers) as made:
        yield made


@asynccontextmanager
async def _served(tmp_path: Path, workers: Any) -> AsyncIterator[Any]:
    records, book, clock = await Records.open(f"sqlite:///{tmp_path}/records.db"), TokenRegistry(), [NOON]
    for uid in ("uid-1", "uid-2"):
        await records.ensure_campaign(uid, "default", uid, spec(), NOON)
    book.register(TOKEN, "uid-1")
    book.register("the other token", "uid-2")
    async with serving(intake(records, book.campaign_of, lambda: clock[0], workers), "127.0.0.1", 0) as port:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, verify=False) as client:
            yield Here(client, records, clock)
    await records.close()


def head(token: str, length: str) -> bytes:
    """A request up to its body."""
    return f"PUT /v1/tickets/t HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n".encode()


def call(sequence: int, command: str, **more: str) -> dict[str, dict[str, str] | int | str]:
    return {"session": "s", "sequence": sequence, "type": "tool_call", "params": {"command": command}, **more}


def result(sequence: int, code: int) -> dict[str, int | str]:
    return {"session": "s", "sequence": sequence, "type": "tool_result", "exitCode": code}


async def test_it_is_a_source(here: Here) -> None:
    assert isinstance(here.source, AgentSource)


async def test_a_ticket_is_seen_with_its_own_times_and_ours(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t-1", OPEN)
    here.clock[0] = LATER
    await here.put("/v1/tickets/t-1", OPEN | {"status": "resolved", "resolvedAt": "2026-01-01T12:00:08Z"})
    (ticket,) = (await here.source.poll(cursor)).tickets
    assert (ticket.id, ticket.subject, ticket.message) == ("t-1", "tikv/tikv", "tikv-0 is gone")
    assert (ticket.opened_at, ticket.arrived_at) == (NOON.replace(second=3), NOON)
    assert (ticket.resolved, ticket.resolved_at) == (True, NOON.replace(second=8))
    assert ticket.resolution_arrived_at == LATER


async def test_the_first_resolution_stands_when_it_is_sent_again(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN | {"status": "resolved"})
    here.clock[0] = LATER
    await here.put("/v1/tickets/t", OPEN | {"status": "resolved"})
    (ticket,) = (await here.source.poll(cursor)).tickets
    assert (ticket.arrived_at, ticket.resolution_arrived_at) == (NOON, NOON)


@pytest.mark.parametrize("said", [{"status": "escalated"}, {"status": "resolved", "resolvedBy": "monitor"}])
async def test_who_gives_up_and_a_monitor_that_sees_nothing_resolve_nothing(here: Here, said: dict[str, str]) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN | said)
    assert not (await here.source.poll(cursor)).tickets[0].resolved


async def test_tickets_of_before_the_mark_and_of_other_campaigns_are_not_seen(here: Here) -> None:
    await here.put("/v1/tickets/old", OPEN)
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/old", OPEN | {"status": "resolved"})
    headers = {"Authorization": "Bearer the other token"}
    assert (await here.client.put("/v1/tickets/t", json=OPEN, headers=headers)).status_code == 204
    assert (await here.source.poll(cursor)).tickets == ()


async def test_commands_are_those_of_the_tickets_sessions_judged_and_masked(here: Here) -> None:
    await here.put("/v1/sessions/s", {"ticket": "t"})
    await here.log(call(1, "ls"))
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN)
    await here.log(
        call(2, "kubectl delete pod tikv-0 --token=abc", at="2026-01-01T12:00:04Z"),
        result(3, 0),
        {"session": "else", "sequence": 1, "type": "tool_call", "params": "rm -rf /"},
    )
    log = await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)
    (command,) = log.commands
    assert (command.command, command.exit_code, command.destructive) == (
        "kubectl delete pod tikv-0 --token=***",
        0,
        True,
    )
    assert command.at == NOON.replace(second=4)


async def test_what_was_said_stands_where_it_was_among_the_commands_and_is_masked(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN)
    await here.put("/v1/sessions/s", {"ticket": "t"})
    said = {"session": "s", "type": "reasoning"}
    await here.log(
        said | {"sequence": 1, "content": "The pod is stuck.", "at": "2026-01-01T12:00:04Z"},
        call(2, "ls"),
        result(3, 0) | {"content": "what a tool answered"},
        said | {"sequence": 4, "content": "Again, with --token=hunter2"},
    )
    reasoning = (await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)).reasoning
    assert [(each.text, each.after) for each in reasoning] == [
        ("The pod is stuck.", 0),
        ("Again, with --token=***", 1),
    ]
    assert reasoning[0].at == NOON.replace(second=4)


async def test_what_is_sent_twice_is_there_once(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN)
    await here.put("/v1/sessions/s", {"ticket": "t"})
    for _ in range(2):
        await here.log(call(1, "ls"), call(1, "ls"), call(2, "ls"))
    assert len((await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)).commands) == 2


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_without_the_token_nothing_is_taken(here: Here, header: str) -> None:
    cursor = await here.source.current_cursor()
    answer = await here.client.put("/v1/tickets/t", json=OPEN, headers={"Authorization": header})
    assert answer.status_code == 401 and "a bearer token is needed" in answer.text
    assert (await here.source.poll(cursor)).tickets == ()


@pytest.mark.parametrize(("token", "status"), [("wrong", b"401"), (TOKEN, b"413")])
async def test_who_may_not_send_or_says_that_it_sends_too_much_is_refused_before_the_body(
    here: Here, token: str, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.client.base_url.port)
    writer.write(head(token, "Content-Length: 104857600"))
    assert status in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/tickets/t", {"openedAt": "2026-01-01T12:00:00"}, "timezone"),
        ("/v1/tickets/t", {"opened": "x"}, "opened"),
        ("/v1/tickets/t", {"status": "fixed"}, "resolved"),
        ("/v1/tickets/t", [], "object"),
        ("/v1/tickets/t", {"openedAt": "0001-01-01T00:00:00+14:00"}, "out of range"),
        ("/v1/tickets/" + "t" * 129, {}, "128"),
        ("/v1/tickets/%00", {}, "pattern"),
        ("/v1/sessions/s", {}, "ticket"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_with_a_sentence(
    here: Here, path: str, body: dict[str, str] | list[Any], says: str
) -> None:
    assert says in (await here.put(path, body, 422)).json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[" * 500_000, b'{"message": "\xff"}', b"", b"9" * 5000])
async def test_what_is_no_json_is_refused_with_a_sentence(here: Here, body: bytes) -> None:
    answer = await here.client.put("/v1/tickets/t", content=body)
    assert answer.status_code == 422 and "JSON" in answer.json()["error"]


async def test_half_a_character_is_taken_as_a_question_mark(here: Here) -> None:
    cursor = await here.source.current_cursor()
    answer = await here.client.put("/v1/tickets/t", content=b'{"message": "a \\uD83D b"}')
    assert answer.status_code == 204, answer.text
    assert (await here.source.poll(cursor)).tickets[0].message == "a ? b"


async def test_whatever_a_tool_was_given_is_kept_as_far_as_it_can_be(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN)
    await here.put("/v1/sessions/s", {"ticket": "t"})
    given = [b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}", b'{"x": NaN}', b'{"command": null}', b'"a\\u0000b"']
    entry = b'{"session": "s", "sequence": %d, "type": "tool_call", "params": %s}'
    entries = b",".join(entry % (number, params) for number, params in enumerate(given, 1))
    answer = await here.client.post("/v1/log", content=b'{"entries": [' + entries + b"]}")
    assert answer.status_code == 204, answer.text
    log = await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)
    assert [command.command[:4] for command in log.commands] == ['{"x"', '{"x"', '{"co', "a b"]


async def test_a_body_that_does_not_come_is_not_waited_for(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.agents.intake.limits.BODY_SECONDS", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.client.base_url.port)
    writer.write(head(TOKEN, "Content-Length: 100") + b"{")
    assert b"408" in await reader.readline()
    writer.close()


async def test_while_a_log_is_worked_on_tickets_are_taken(here: Here, workers: Any) -> None:
    """A large one takes seconds, which in the event loop would blind every trial's watch."""
    await here.log(call(1, "ls"))
    log = workers._workers["log"]
    os.kill(log.pid, signal.SIGSTOP)
    sending = asyncio.create_task(here.log(call(2, "ls")))
    await here.put("/v1/tickets/t", OPEN)
    assert not sending.done()
    os.kill(log.pid, signal.SIGCONT)
    await sending


async def test_of_a_resolution_without_a_session_it_is_open_what_was_run(here: Here) -> None:
    cursor = await here.source.current_cursor()
    await here.put("/v1/tickets/t", OPEN)
    log = await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)
    assert log.complete and log.commands == (), "who only opens a ticket has run nothing"
    await here.put("/v1/tickets/t", OPEN | {"status": "resolved"})
    resolved = (await here.source.poll(cursor)).tickets
    log = await here.source.read_commands(cursor, resolved)
    assert not log.complete and log.reason == "no session that worked on these tickets was sent"
    await here.put("/v1/sessions/s", {"ticket": "t"})
    assert (await here.source.read_commands(cursor, resolved)).complete


async def test_what_was_sent_is_never_repeated_in_a_refusal(here: Here) -> None:
    answer = await here.put("/v1/tickets/t", {"status": "hunter2"}, 422)
    assert "hunter2" not in answer.text


async def test_a_body_without_a_stated_length_is_refused_as_soon_as_it_is_too_long(here: Here) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.client.base_url.port)
    writer.write(head(TOKEN, "Transfer-Encoding: chunked"))
    writer.write(b"%x\r\n%s\r\n" % (MAX_BYTES + 1, b"x" * (MAX_BYTES + 1)))  # and no end of it
    assert b"413" in await reader.readline()
    writer.close()
    await here.put("/v1/tickets/t", OPEN)


async def test_a_flood_is_told_to_come_again_and_what_was_taken_is_there(here: Any) -> None:
    cursor = await here.source.current_cursor()
    gate = asyncio.Event()
    kept = here.records.write_at_once

    async def slowly(work: Callable[..., Any]) -> Any:
        await gate.wait()
        return await kept(work)

    here.records.write_at_once = slowly
    flood = [asyncio.create_task(here.client.put(f"/v1/tickets/{n}", json=OPEN)) for n in range(MAX_AT_ONCE + 8)]
    await eventually(lambda: sum(task.done() for task in flood) >= 8)
    gate.set()
    statuses = [answer.status_code for answer in await asyncio.gather(*flood)]
    assert sorted(set(statuses)) == [204, 503]
    assert len((await here.source.poll(cursor)).tickets) == statuses.count(204) >= MAX_AT_ONCE


async def test_while_the_records_are_away_nothing_is_acknowledged(here: Here) -> None:
    cursor, kept = await here.source.current_cursor(), here.records.write_at_once

    async def away(work: Callable[..., Any]) -> None:
        raise RecordsUnavailable("disk full")

    here.records.write_at_once = away  # type: ignore[method-assign]
    answer = await here.put("/v1/tickets/t", OPEN, 503)
    assert answer.headers["retry-after"] and "disk" not in answer.text
    here.records.write_at_once = kept  # type: ignore[method-assign]
    assert (await here.source.poll(cursor)).tickets == ()


async def test_an_agent_in_a_loop_does_not_fill_the_disk(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_TICKETS", 2)
    monkeypatch.setattr(inbox, "MAX_ENTRIES", 3)
    for name in ("a", "b", "a"):
        await here.put(f"/v1/tickets/{name}", OPEN)
    assert "all the tickets" in (await here.put("/v1/tickets/c", OPEN, 409)).json()["error"]
    await here.log(call(1, "ls"), call(2, "ls"), call(3, "ls"))
    await here.log(call(4, "ls"), status=409)


async def test_it_answers_nothing_but_that_it_took_it(here: Here) -> None:
    answers = [
        await here.put("/v1/tickets/t", OPEN),
        await here.put("/v1/sessions/s", {"ticket": "t"}),
        await here.log(call(1, "ls")),
    ]
    assert {answer.content for answer in answers} == {b""}
    for path in ("/v1/tickets", "/v1/tickets/t", "/v1/log"):
        assert (await here.client.get(path)).status_code in (404, 405)


async def test_its_page_and_its_description_need_nothing_from_elsewhere(here: Here) -> None:
    page = (await here.client.get("/")).text
    assert "/v1/tickets/{id}" in page and "http" not in page.replace("<!doctype html>", "")
    assert (await here.client.get("/openapi.json")).json()["paths"].keys() == {
        "/v1/tickets/{id}",
        "/v1/sessions/{id}",
        "/v1/log",
    }


async def test_its_description_is_the_models_by_which_bodies_are_taken(here: Any) -> None:
    described = (await here.client.get("/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
    schemas = described["components"]["schemas"]
    for path, method, model in (
        ("/v1/tickets/{id}", "put", TicketSent),
        ("/v1/sessions/{id}", "put", SessionSent),
        ("/v1/log", "post", LogSent),
    ):
        operation = described["paths"][path][method]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{model.__name__}"}
        assert schemas[model.__name__]["properties"].keys() == model.model_json_schema()["properties"].keys()
        assert operation["description"] and set(operation["responses"]) == {"204", "default"}
    text = json.dumps(described)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert references <= schemas.keys() and schemas["EntrySent"]["properties"].keys() >= {"exitCode", "sequence"}
    [id_] = described["paths"]["/v1/tickets/{id}"]["parameters"]
    assert (id_["name"], id_["schema"]["maxLength"]) == ("id", 128)


async def test_an_id_that_none_may_have_is_refused_with_a_sentence_that_does_not_repeat_it(here: Any) -> None:
    answer = await here.put("/v1/tickets/" + "s" * 129, OPEN, 422)
    assert answer.json()["error"].startswith("path.id: String should have at most 128 characters")
    assert "sss" not in answer.text
