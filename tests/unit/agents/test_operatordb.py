"""An agent's own file: what it says, and every state in which it may be found."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controller.agents.operatordb.source import OperatorDb
from controller.agents.operatordb.tables import read_time
from controller.agents.protocol import AgentSource, AgentUnreadable, Cursor, Ticket
from tests.support.operatordb import AGENT, AgentFile

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
NOTHING = Cursor(NOW)


def source(path: Path, zone: str = "UTC") -> OperatorDb:
    return OperatorDb(path, ZoneInfo(zone), lambda: NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operator.db"


async def numbers(path: Path, cursor: Cursor) -> list[int]:
    report = await source(path).poll(cursor)
    assert report.error is None
    return [ticket.number for ticket in report.tickets]


# What it says ---------------------------------------------------------------------------------------------------------


def test_it_is_a_source(path: Path) -> None:
    assert isinstance(source(path), AgentSource)


async def test_only_tickets_above_the_mark_are_seen(path: Path) -> None:
    file = AgentFile(path)
    old = file.ticket(NAIVE)
    file.session(old, "s-old", "resolved")
    file.update(old, status="resolved", diagnosis="done", resolved_at=NAIVE.isoformat())
    cursor = await source(path).current_cursor()
    assert (cursor.ticket, cursor.entry, cursor.at) == (1, 0, NOW)
    assert await numbers(path, cursor) == [], "a stale resolved ticket ends no later trial"
    file.ticket(NAIVE + timedelta(seconds=3))
    (ticket,) = (await source(path).poll(cursor)).tickets
    assert (ticket.number, ticket.id, ticket.message, ticket.resolved) == (2, "2", "store 1 is Down", False)
    assert ticket.opened_at == NOW + timedelta(seconds=3) and ticket.arrived_at is None


async def test_naive_times_are_of_the_agents_zone_and_the_rows_own_time_is_utc_all_the_same(path: Path) -> None:
    file = AgentFile(path)
    local = NAIVE - timedelta(hours=7, milliseconds=-250)  # as a clock in Los Angeles shows it
    number = file.ticket(local, made=NAIVE)
    file.update(number, status="resolved", diagnosis="x", resolved_at="2026-06-01T05:01:00")
    for zone, opened, resolved in (
        ("America/Los_Angeles", NOW + timedelta(milliseconds=250), NOW + timedelta(minutes=1)),
        ("UTC", NOW, NOW - timedelta(hours=6, minutes=59)),
    ):
        (ticket,) = (await source(path, zone).poll(NOTHING)).tickets
        assert (ticket.opened_at, ticket.resolved_at) == (opened, resolved)


async def test_a_violation_with_a_grace_period_became_a_ticket_when_its_row_was_made(path: Path) -> None:
    AgentFile(path).ticket(NAIVE - timedelta(seconds=60), made=NAIVE)
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert ticket.opened_at == NOW


@pytest.mark.parametrize("wrong", ["yesterday", "", 17, b"\xff", "9999-12-31T23:59:59-23:00"])
async def test_a_time_that_cannot_be_read_is_none(path: Path, wrong: bytes | int | str) -> None:
    file = AgentFile(path)
    file.update(file.ticket(NAIVE), first_seen_at=wrong, created_at=wrong, resolved_at=wrong)
    (ticket,) = (await source(path, "Asia/Tokyo").poll(NOTHING)).tickets
    assert ticket.opened_at is None and ticket.resolved_at is None


def test_the_first_second_of_all_is_no_time_east_of_greenwich() -> None:
    assert read_time("0001-01-01T00:00:00", ZoneInfo("Asia/Tokyo")) is None


@pytest.mark.parametrize(
    ("status", "diagnosis", "session", "resolved"),
    [
        ("resolved", "restarted it", "resolved", True),
        ("resolved", None, "resolved", True),
        ("resolved", "restarted it", None, True),
        ("resolved", None, None, False),  # the monitor saw no violation any more, or could not look
        ("resolved", None, "running", False),
        ("resolved", "ESCALATED: I cannot", "escalated", False),
        ("diagnosed", "ESCALATED: I cannot", "escalated", False),
        ("acknowledged", None, "running", False),
        ("open", None, "resolved", False),
    ],
)
async def test_resolved_is_what_the_agent_says_itself(
    path: Path, status: str, diagnosis: str | None, session: str | None, resolved: bool
) -> None:
    file = AgentFile(path)
    number = file.ticket(NAIVE)
    file.update(number, status=status, diagnosis=diagnosis)
    if session:
        file.session(number, "s", session)
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert ticket.resolved is resolved


async def test_another_sessions_resolution_is_not_this_tickets(path: Path) -> None:
    file = AgentFile(path)
    first, second = file.ticket(NAIVE), file.ticket(NAIVE, "store_down:2")
    file.session(first, "s", "resolved")
    file.update(first, status="resolved")
    file.update(second, status="resolved")
    assert [ticket.resolved for ticket in (await source(path).poll(NOTHING)).tickets] == [True, False]


async def test_results_of_parallel_calls_come_in_the_order_of_the_calls(path: Path) -> None:
    file = AgentFile(path)
    file.session(file.ticket(NAIVE), "s")
    for command in ("a", "b"):
        file.log("s", "tool_call", f'{{"command": "{command}"}}')
    for code in (1, 2):
        file.log("s", "tool_result", code=code)
    log = await source(path).read_commands(NOTHING, (await source(path).poll(NOTHING)).tickets)
    assert [(command.command, command.exit_code) for command in log.commands] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("params", ["[" * 60_000, '{"command": "\\ud83d"}', b"\xff\xfe", 7, "", None])
@pytest.mark.parametrize("code", ["none", 2**40, 1.5, b"x"])
async def test_whatever_stands_in_a_log_is_read(
    path: Path, params: bytes | int | str | None, code: bytes | float | str
) -> None:
    file = AgentFile(path)
    file.session(file.ticket(NAIVE), "s")
    file.log("s", "tool_call", params)
    file.log("s", "tool_result", code=code)
    log = await source(path).read_commands(NOTHING, (await source(path).poll(NOTHING)).tickets)
    assert [command.exit_code for command in log.commands] == [None]
    json.dumps([command.to_json() for command in log.commands]).encode()


async def test_a_text_that_is_no_text_is_read_all_the_same(path: Path) -> None:
    file = AgentFile(path)
    file.run("UPDATE tickets SET message = CAST(x'ff41' AS TEXT) WHERE id = ?", file.ticket(NAIVE))
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert ticket.message.endswith("A")


async def test_commands_are_those_above_the_mark_of_the_tickets_sessions(path: Path) -> None:
    file = AgentFile(path)
    old = file.ticket(NAIVE)
    file.session(old, "old")
    file.log("old", "tool_call", '{"command": "stale"}')
    cursor = await source(path).current_cursor()
    file.log("old", "tool_call", '{"command": "of another ticket"}')
    new = file.ticket(NAIVE)
    file.session(new, "new")
    file.log("new", "reasoning", '{"command": "considered"}')
    file.log("new", "tool_call", '{"command": "kubectl get pods", "reasoning": "look"}', at="2026-06-01T12:00:01")
    file.log("new", "tool_result", code=0)
    file.log("new", "tool_call", '{"command": "kubectl --token hunter2 delete pod x"}', at="?")
    file.log("new", "tool_result", code=1)
    tickets = (await source(path).poll(cursor)).tickets
    log = await source(path).read_commands(cursor, tickets)
    assert log.complete
    assert [(c.command, c.exit_code, c.destructive) for c in log.commands] == [
        ("kubectl get pods", 0, False),
        ("kubectl --token *** delete pod x", 1, True),
    ]
    assert [c.at for c in log.commands] == [NOW + timedelta(seconds=1), None]
    assert (await source(path).read_commands(cursor, ())).commands == ()


async def test_what_was_said_is_masked_and_stands_where_it_was_among_the_commands(path: Path) -> None:
    file = AgentFile(path)
    cursor = await source(path).current_cursor()
    file.session(file.ticket(NAIVE), "new")
    file.log("new", "reasoning", content="The pod is stuck.", at="2026-06-01T12:00:01")
    file.log("new", "tool_call", '{"command": "kubectl get pods"}')
    file.log("new", "tool_result", content="NAME READY", code=0)
    file.log("new", "reasoning", content="Again, with --token=hunter2", at="?")
    file.log("new", "reasoning", content="")
    tickets = (await source(path).poll(cursor)).tickets
    reasoning = (await source(path).read_commands(cursor, tickets)).reasoning
    assert [(each.session, each.text, each.after) for each in reasoning] == [
        ("new", "The pod is stuck.", 0),
        ("new", "Again, with --token=***", 1),
    ]
    assert reasoning[0].at is not None and reasoning[1].at is None


# How it may be found --------------------------------------------------------------------------------------------------


async def test_a_file_that_is_not_there_holds_no_tickets_and_is_not_made(path: Path) -> None:
    assert await source(path).current_cursor() == NOTHING
    assert await numbers(path, NOTHING) == []
    assert await numbers(path / "in" / "it", NOTHING) == []
    assert os.listdir(path.parent) == []


async def test_a_file_made_after_the_mark_is_all_new(path: Path) -> None:
    cursor = await source(path).current_cursor()
    AgentFile(path).ticket(NAIVE)
    assert await numbers(path, cursor) == [1]


async def test_an_empty_file_and_one_without_tables_hold_no_tickets(path: Path) -> None:
    path.touch()
    assert await source(path).current_cursor() == NOTHING
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    cursor = await source(path).current_cursor()
    assert await numbers(path, cursor) == []


async def test_before_the_agent_has_opened_the_file_there_are_tickets_and_no_log(path: Path) -> None:
    file = AgentFile(path, started=False)
    number = file.ticket(NAIVE)
    file.update(number, status="resolved", diagnosis=None)
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert not ticket.resolved
    log = await source(path).read_commands(NOTHING, [ticket])
    assert not log.complete and log.reason == "the file holds tickets, and no log of an agent"


async def test_an_older_schema_lacks_columns_and_is_read_without_them(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, status TEXT, first_seen_at TEXT)")
        connection.execute("INSERT INTO tickets VALUES (4, 'resolved', '2026-06-01 12:00:00')")
        connection.executescript(AGENT)
        connection.execute("ALTER TABLE agent_log_entries DROP COLUMN exit_code")
        connection.execute("ALTER TABLE agent_log_entries DROP COLUMN timestamp")
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert (ticket.number, ticket.message, ticket.opened_at, ticket.resolved) == (4, "", NOW, False)
    assert (await source(path).read_commands(NOTHING, [ticket])).commands == ()
    assert (await source(path).current_cursor()).ticket == 4


async def test_a_ticket_may_name_its_subject_where_the_file_has_a_column_for_it(path: Path) -> None:
    file = AgentFile(path)
    file.run("ALTER TABLE tickets ADD COLUMN subject TEXT")
    file.update(file.ticket(NAIVE), subject="tikv/other")
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert ticket.subject == "tikv/other"


@pytest.mark.parametrize("tickets", [1, 5])
async def test_what_stands_in_a_file_made_anew_is_all_new_though_its_numbers_are_old(path: Path, tickets: int) -> None:
    """With as many tickets as before or fewer, in a file that may well have the inode of the one before."""
    file = AgentFile(path)
    for second in range(3):
        file.ticket(NAIVE + timedelta(seconds=second))
    file.session(1, "s")
    file.log("s", "tool_call", '{"command": "old"}')
    cursor = await source(path).current_cursor()
    path.unlink()
    assert await numbers(path, cursor) == []
    file = AgentFile(path)
    for minute in range(tickets):
        file.ticket(NAIVE + timedelta(minutes=1 + minute))
    file.session(1, "s")
    file.log("s", "tool_call", '{"command": "new"}')
    assert await numbers(path, cursor) == list(range(1, tickets + 1))
    log = await source(path).read_commands(cursor, (await source(path).poll(cursor)).tickets)
    assert [command.command for command in log.commands] == ["new"]


async def test_the_same_file_in_another_place_on_the_disk_is_the_same_file(path: Path) -> None:
    file = AgentFile(path)
    file.ticket(NAIVE)
    cursor = await source(path).current_cursor()
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    os.replace(copy, path)
    assert await numbers(path, cursor) == []


async def test_a_ticket_that_was_changed_or_deleted_does_not_make_a_new_file(path: Path) -> None:
    file = AgentFile(path)
    first, second = file.ticket(NAIVE), file.ticket(NAIVE)
    cursor = await source(path).current_cursor()
    file.update(second, status="diagnosed", occurrence_count=9, message="other")
    assert await numbers(path, cursor) == []
    file.run("DELETE FROM tickets WHERE id = ?", second)
    assert await numbers(path, cursor) == [] and first == 1
    file.ticket(NAIVE)
    assert await numbers(path, cursor) == [3]


async def test_a_file_locked_by_its_writer_is_trouble_and_then_it_is_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.agents.operatordb.file.BUSY_SECONDS", 0.01)
    file = AgentFile(path)
    file.ticket(NAIVE)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        report = await source(path).poll(NOTHING)
        assert report.error == f"{path} is locked by whoever writes it" and report.tickets == ()
        with pytest.raises(AgentUnreadable, match="is locked"):
            await source(path).current_cursor()
        writer.execute("ROLLBACK")
    assert await numbers(path, NOTHING) == [1]


async def test_a_look_keeps_no_writer_out_afterwards(path: Path) -> None:
    file = AgentFile(path)
    await source(path).poll(NOTHING)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("ROLLBACK")
    assert file.ticket(NAIVE) == 1


@pytest.mark.parametrize("at_rest", [True, False])
async def test_a_wal_database_is_read_without_a_trace(path: Path, at_rest: bool) -> None:
    file = AgentFile(path, wal=True)
    file.ticket(NAIVE)
    with closing(sqlite3.connect(path)) as other:
        if not at_rest:
            other.execute(
                "INSERT INTO tickets SELECT 2, violation_key, invariant_name, store_id, status, held,"
                " occurrence_count, first_seen_at, last_seen_at, resolved_at, message, severity, diagnosis,"
                " created_at, updated_at FROM tickets"
            )
            other.commit()
        before = sorted(os.listdir(path.parent))
        assert await numbers(path, NOTHING) == ([1] if at_rest else [1, 2])
        assert sorted(os.listdir(path.parent)) == before


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\x00" + b"\x00" * 200])
async def test_a_file_that_is_no_database_is_trouble(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    report = await source(path).poll(NOTHING)
    assert report.error is not None and str(path) in report.error
    with pytest.raises(AgentUnreadable):
        await source(path).read_commands(NOTHING, [Ticket(1, "1")])


async def test_a_folder_and_a_table_without_ids_are_trouble(path: Path) -> None:
    path.mkdir()
    assert (await source(path).poll(NOTHING)).error == f"{path} is no file"
    other = path / "operator.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE tickets (name TEXT)")
    assert (await source(other).poll(NOTHING)).error == (
        "operator.db cannot be understood: its table tickets has no column id"
    )
