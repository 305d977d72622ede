"""What an agent writes into operator.db comes through the HTTP API as it would have been read from the file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from httpx import Response

from controller.agents.forward import Forwarder, RefusedForNow
from controller.agents.operatordb.source import OperatorDb
from tests.support.operatordb import AgentFile
from tests.unit.agents.test_intake import LATER, NOON, TOKEN, Here, here, workers  # noqa: F401

ZONE = ZoneInfo("Europe/Vienna")


@pytest.fixture
def agent(tmp_path: Path) -> AgentFile:
    return AgentFile(tmp_path / "operator.db", made=False)


def forwarder(here: Here, agent: AgentFile, token: str = TOKEN) -> Forwarder:  # noqa: F811
    return Forwarder(agent.path, ZONE, here.client, lambda: token)


def at_work(agent: AgentFile, second: int, session: str = "s") -> int | None:
    opened = NOON.replace(second=second)
    ticket = agent.ticket(opened.replace(hour=13, tzinfo=None), made=opened)  # it runs in Vienna
    agent.session(ticket, session, at=opened.replace(hour=13, tzinfo=None))
    agent.log(session, "tool_call", json.dumps({"command": "kubectl delete pod tikv-0", "reasoning": "stuck"}))
    agent.log(session, "tool_result", code=0)
    return ticket


async def test_both_sources_tell_the_same(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    directly = OperatorDb(agent.path, ZONE, lambda: NOON)
    sending = forwarder(here, agent)
    cursors = await here.source.current_cursor(), await directly.current_cursor()
    ticket = at_work(agent, 3)
    await sending.once()
    here.clock[0] = LATER
    agent.update(ticket, status="resolved", resolved_at="2026-01-01T13:00:08", diagnosis="deleted the stuck pod")
    await sending.once()
    sent, read = (await here.source.poll(cursors[0])).tickets, (await directly.poll(cursors[1])).tickets
    assert [(t.opened_at, t.resolved_at, t.resolved, t.message) for t in sent] == [
        (t.opened_at, t.resolved_at, t.resolved, t.message) for t in read
    ]
    assert sent[0].opened_at == NOON.replace(second=3) and sent[0].arrived_at == NOON
    assert sent[0].resolution_arrived_at == LATER
    logs = await here.source.read_commands(cursors[0], sent), await directly.read_commands(cursors[1], read)
    assert [(c.command, c.exit_code, c.destructive) for c in logs[0].commands] == [
        (c.command, c.exit_code, c.destructive) for c in logs[1].commands
    ]
    assert len(logs[0].commands) == 1


async def test_a_restart_sends_all_again_and_it_is_there_once(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3)
    for _ in range(2):
        await forwarder(here, agent).once()
    tickets = (await here.source.poll(cursor)).tickets
    assert len(tickets) == 1 and len((await here.source.read_commands(cursor, tickets)).commands) == 1


async def test_in_a_new_file_the_same_ids_are_other_tickets(here: Here, agent: AgentFile) -> None:  # noqa: F811
    sending = forwarder(here, agent)
    for second in (3, 5):
        agent.path.unlink(missing_ok=True)
        agent.create()
        at_work(agent, second)
        await sending.once()
    cursor = await here.source.current_cursor()
    assert cursor.ticket == 2
    agent.path.unlink()
    agent.create()
    at_work(agent, 7)
    await sending.once()
    tickets = (await here.source.poll(cursor)).tickets
    assert [each.opened_at for each in tickets] == [datetime(2026, 1, 1, 12, 0, 7, tzinfo=UTC)]
    assert len((await here.source.read_commands(cursor, tickets)).commands) == 1


async def test_a_monitors_own_resolution_stays_one(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    cursor = await here.source.current_cursor()
    agent.update(agent.ticket(NOON.replace(tzinfo=None)), status="resolved", resolved_at="2026-01-01T13:00:04")
    await forwarder(here, agent).once()
    assert not (await here.source.poll(cursor)).tickets[0].resolved


async def test_without_the_right_token_it_says_so_and_sends_later(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3)
    with pytest.raises(RefusedForNow, match="HTTP 401"):
        await forwarder(here, agent, "wrong").once()
    assert (await here.source.poll(cursor)).tickets == ()


async def test_a_file_that_is_not_there_yet_is_waited_for(here: Here, agent: AgentFile) -> None:  # noqa: F811
    sending = forwarder(here, agent)
    await sending.once()
    assert not agent.path.exists()
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3)
    await sending.once()
    assert len((await here.source.poll(cursor)).tickets) == 1


async def test_a_log_larger_than_a_request_may_be_is_sent_whole(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3)
    agent.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO agent_log_entries"
        " (session_id, entry_type, content, tool_params, timestamp) SELECT 's', 'tool_call', ?, ?, '' FROM n",
        *("y" * 50_000, json.dumps({"command": f"echo {'x' * 15_000}"})),
    )
    await forwarder(here, agent).once()
    log = await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)
    assert len(log.commands) == 101 and log.complete


async def test_what_the_api_would_refuse_is_put_right_and_spoils_nothing_else(here: Here, agent: AgentFile) -> None:  # noqa: F811
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3, "a/b?c" * 40)
    session = "a/b?c" * 40
    agent.log(session, "a kind of its own", "[" * 60_000)
    agent.log(session, "tool_call", '{"command": "\\ud83d \\u0000"}')
    agent.log(session, "tool_result", code=2**40)
    agent.log("of no session", "tool_call", "ls")
    agent.update(1, status="odd", severity="s" * 900, message="m" * 90_000)
    await forwarder(here, agent).once()
    tickets = (await here.source.poll(cursor)).tickets
    log = await here.source.read_commands(cursor, tickets)
    assert len(tickets) == 1 and [command.exit_code for command in log.commands] == [0, None]


async def test_one_entry_that_is_not_taken_spoils_no_other(
    here: Here,  # noqa: F811
    agent: AgentFile,
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent.create()
    cursor = await here.source.current_cursor()
    at_work(agent, 3)
    sending, kept = forwarder(here, agent), here.client.request

    async def picky(method: str, path: str, content: bytes, headers: dict[str, str]) -> Response:
        refused = path == "/v1/log" and b"tool_call" in content
        return httpx.Response(422, text="no") if refused else await kept(method, path, content=content, headers=headers)

    here.client.request = picky  # type: ignore[assignment, method-assign]
    await sending.once()
    assert "1 entries of the log are not taken (HTTP 422): no" in caplog.text
    assert (await here.source.current_cursor()).entry == 1 and len((await here.source.poll(cursor)).tickets) == 1


async def test_sessions_of_the_same_name_in_two_files_are_two(here: Here, agent: AgentFile) -> None:  # noqa: F811
    sending = forwarder(here, agent)
    for second in (3, 5):
        agent.path.unlink(missing_ok=True)
        agent.create()
        at_work(agent, second)
        await sending.once()
    cursor = await here.source.current_cursor()
    assert (cursor.ticket, cursor.entry) == (2, 4)


UUIDS = """
CREATE TABLE tickets (id TEXT PRIMARY KEY, violation_key TEXT, status TEXT, message TEXT, diagnosis TEXT,
                      first_seen_at TEXT, created_at TEXT, resolved_at TEXT);
CREATE TABLE agent_sessions (id TEXT PRIMARY KEY, session_id TEXT, ticket_id TEXT, status TEXT, started_at TEXT);
CREATE TABLE agent_log_entries (id TEXT PRIMARY KEY, session_id TEXT, entry_type TEXT, content TEXT, tool_name TEXT,
                                tool_params TEXT, exit_code INTEGER, timestamp TEXT){}
"""


@pytest.mark.parametrize("kind", ["", " WITHOUT ROWID"])
async def test_entries_with_text_ids_are_sent_in_order_and_once_whatever_happens(
    here: Any,  # noqa: F811
    agent: Any,
    kind: Any,
) -> None:
    """VACUUM numbers such rows anew, and a forwarder that was started again has forgotten what it sent."""
    with closing(sqlite3.connect(agent.path)) as connection:
        connection.executescript(UUIDS.format(kind))
    cursor = await here.source.current_cursor()
    sending = forwarder(here, agent)
    agent.run(
        "INSERT INTO tickets VALUES (?, 'k', 'open', 'gone', NULL, '2026-01-01T13:00:03', NULL, NULL)", str(uuid4())
    )
    agent.run("INSERT INTO agent_sessions SELECT 'x', 's', id, 'running', '' FROM tickets")

    def call(number: int) -> None:
        # Several within one second: a clock need not be finer than that.
        at = f"2026-01-01T13:00:{10 + number // 3:02}"
        command = json.dumps({"command": f"echo {number}"})
        insert = "INSERT INTO agent_log_entries VALUES (?, 's', 'tool_call', '', 'sh', ?, NULL, ?)"
        # In a table WITHOUT ROWID only time and id say what came first.
        agent.run(insert, f"{number:03}{uuid4()}" if kind else str(uuid4()), command, at)

    for number in range(7):
        call(number)
        await sending.once()
    agent.run("DELETE FROM agent_log_entries WHERE tool_params LIKE '%echo 0%'")
    with closing(sqlite3.connect(agent.path)) as connection:
        connection.execute("VACUUM")
    call(7)
    await sending.once()
    await forwarder(here, agent).once()
    call(8)
    await forwarder(here, agent).once()
    log = await here.source.read_commands(cursor, (await here.source.poll(cursor)).tickets)
    said = [command.command for command in log.commands]
    assert list(dict.fromkeys(said)) == [f"echo {number}" for number in range(9)]
    assert len(said) <= 11, "what stood beside the deleted one, in the same second, may be there twice"
