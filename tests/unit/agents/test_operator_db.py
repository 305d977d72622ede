"""operator.db is read as its writer means it, whatever state it is in; and never touched."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from controller.agents.operatordb.source import OperatorDb
from controller.agents.protocol import AgentSource, AgentUnreadable
from tests.unit.agents.conftest import TICKETS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def source(agent, zone="UTC"):
    return OperatorDb(agent.path, ZoneInfo(zone), lambda: NOON)


def test_it_is_a_source(agent):
    assert isinstance(source(agent), AgentSource)


async def test_a_file_that_is_not_there_holds_nothing_and_is_not_made(agent):
    mark = await source(agent).mark()
    report = await source(agent).look(mark)
    assert (report.tickets, report.trouble) == ((), None)
    assert not agent.path.exists()


async def test_what_comes_into_a_file_that_was_not_there_is_new(agent):
    mark = await source(agent).mark()
    agent.create()
    agent.opens("2026-01-01T12:00:03")
    (ticket,) = (await source(agent).look(mark)).tickets
    assert ticket.opened_at == NOON.replace(second=3)


async def test_an_empty_file_and_one_without_the_agents_tables_hold_nothing(agent):
    agent.path.touch()
    mark = await source(agent).mark()
    assert (await source(agent).look(mark)).trouble is None
    agent.create(TICKETS)
    agent.opens("2026-01-01T12:00:03")
    report = await source(agent).look(mark)
    assert len(report.tickets) == 1 and not report.tickets[0].resolved
    assert (await source(agent).commands(mark, report.tickets)).commands == ()


async def test_only_tickets_above_the_mark_are_new_however_they_change(agent):
    agent.create()
    stale = agent.opens("2026-01-01T11:00:00")
    mark = await source(agent).mark()
    agent.closes(stale, "2026-01-01T12:00:01", diagnosis="done")
    assert (await source(agent).look(mark)).tickets == ()
    agent.opens("2026-01-01T12:00:03")
    assert [each.id for each in (await source(agent).look(mark)).tickets] == [str(stale + 1)]


async def test_a_file_that_was_replaced_is_all_new_though_its_ids_begin_again(agent):
    agent.create()
    for minute in range(3):
        agent.opens(f"2026-01-01T11:0{minute}:00")
    mark = await source(agent).mark()
    agent.path.unlink()
    agent.create()
    agent.opens("2026-01-01T12:00:03")
    report = await source(agent).look(mark)
    assert [each.number for each in report.tickets] == [1]
    for second in range(4, 8):  # more tickets by now than there were, and yet another file
        agent.opens(f"2026-01-01T12:00:0{second}")
    assert len((await source(agent).look(mark)).tickets) == 5


@pytest.mark.parametrize(
    ("status", "diagnosis", "session", "resolved"),
    [
        ("resolved", "restarted it", None, True),
        ("resolved", None, "resolved", True),
        ("resolved", None, None, False),  # the monitor saw nothing any more
        ("resolved", None, "running", False),
        ("diagnosed", "ESCALATED: cannot", "escalated", False),
        ("acknowledged", None, "running", False),
    ],
)
async def test_only_the_agent_resolves(agent, status, diagnosis, session, resolved):
    agent.create()
    mark = await source(agent).mark()
    ticket = agent.opens("2026-01-01T12:00:03")
    if session:
        agent.works(ticket, "s", session)
    agent.closes(ticket, "2026-01-01T12:00:09", status, diagnosis)
    (seen,) = (await source(agent).look(mark)).tickets
    assert seen.resolved is resolved


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 12), ("Europe/Vienna", 11), ("America/Los_Angeles", 20)])
async def test_a_time_without_a_zone_is_in_the_zone_that_was_named(agent, zone, hour):
    agent.create()
    mark = await source(agent, zone).mark()
    agent.opens("2026-01-01T12:00:03")
    (ticket,) = (await source(agent, zone).look(mark)).tickets
    assert ticket.opened_at == datetime(2026, 1, 1, hour, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00"])
async def test_a_time_that_makes_no_sense_falls_back_to_when_the_row_was_made(agent, text):
    agent.create()
    mark = await source(agent, "Asia/Tokyo").mark()
    agent.opens(text)
    (ticket,) = (await source(agent, "Asia/Tokyo").look(mark)).tickets
    assert ticket.opened_at is not None and ticket.opened_at.year >= 2026


async def test_commands_are_those_of_the_tickets_sessions_with_their_exit_codes(agent):
    agent.create()
    agent.works(0, "older")
    agent.logs("older", "tool_call", '{"command": "rm -rf /"}')
    mark = await source(agent).mark()
    ticket = agent.opens("2026-01-01T12:00:03")
    agent.works(ticket, "s")
    agent.logs("s", "reasoning")
    for why, code in (("first", 1), ("again", 0)):
        agent.logs("s", "tool_call", json.dumps({"command": "kubectl delete pod x --token=abc", "reasoning": why}))
        agent.logs("s", "tool_result", None, code)
    agent.logs("other", "tool_call", '{"command": "ls"}')
    agent.logs("s", "tool_call", "kubectl get pods")
    log = await source(agent).commands(mark, (await source(agent).look(mark)).tickets)
    assert [(each.command, each.exit_code) for each in log.commands] == [
        ("kubectl delete pod x --token=***", 1),
        ("kubectl delete pod x --token=***", 0),
        ("kubectl get pods", None),
    ]
    assert [each.destructive for each in log.commands] == [True, True, False]
    assert log.commands[0].at == NOON.replace(second=5)


async def test_a_column_that_an_older_schema_lacks_is_done_without(agent):
    agent.run("CREATE TABLE tickets (id INTEGER PRIMARY KEY, status TEXT, message TEXT, first_seen_at TEXT)")
    mark = await source(agent).mark()
    agent.run("INSERT INTO tickets (status, message, first_seen_at) VALUES ('open', 'm', '2026-01-01T12:00:03')")
    (ticket,) = (await source(agent).look(mark)).tickets
    assert (ticket.message, ticket.opened_at) == ("m", NOON.replace(second=3))


async def test_what_is_no_database_is_trouble_that_is_said(agent):
    agent.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(AgentUnreadable, match="not a database"):
        await source(agent).mark()


async def test_a_table_of_another_make_is_trouble_that_is_said(agent):
    agent.run("CREATE TABLE tickets (name TEXT)")
    with pytest.raises(AgentUnreadable, match="no column id"):
        await source(agent).mark()


async def test_while_its_writer_locks_it_nothing_is_known_and_then_all_is(agent, monkeypatch):
    monkeypatch.setattr("controller.agents.operatordb.reading.BUSY_SECONDS", 0.01)
    agent.create()
    mark = await source(agent).mark()
    with closing(sqlite3.connect(agent.path)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        report = await source(agent).look(mark)
        assert report.trouble is not None and "locked" in report.trouble
        writer.rollback()
    assert (await source(agent).look(mark)).trouble is None


async def test_looking_keeps_nobody_from_writing_and_changes_nothing(agent):
    agent.create()
    mark = await source(agent).mark()
    before = (agent.path.read_bytes(), sorted(os.listdir(agent.path.parent)))
    await source(agent).look(mark)
    assert (agent.path.read_bytes(), sorted(os.listdir(agent.path.parent))) == before
    agent.opens("2026-01-01T12:00:03")
