"""Agents' files of every make, and such as are meant to hang a look, to fill the memory, or to be missed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controller.agents.operatordb import known_rows
from controller.agents.operatordb.file import reading
from controller.agents.operatordb.queries import FileQuery
from controller.agents.operatordb.reader import FileReader
from controller.agents.operatordb.source import OperatorDb
from controller.agents.protocol import AgentUnreadable, Cursor

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTHING = Cursor(NOW)

REST = "violation_key TEXT, status TEXT, message TEXT, diagnosis TEXT, first_seen_at TEXT, resolved_at TEXT"
SCHEMAS = {
    "texts": f"id TEXT PRIMARY KEY, {REST}",
    "bytes": f"id BLOB PRIMARY KEY, {REST}",
    "texts without rowid": f"id TEXT PRIMARY KEY, {REST}) WITHOUT ROWID --",
    "no key at all": f"id, {REST}",
    "a composite key": f"id TEXT, tenant TEXT DEFAULT 'a', {REST}, PRIMARY KEY (tenant, id)",
    "a composite key without rowid": f"id TEXT, tenant DEFAULT 'a', {REST}, PRIMARY KEY (tenant, id)) WITHOUT ROWID --",
    "a column called rowid": f"rowid TEXT, id TEXT PRIMARY KEY, {REST}",
    "numbers that descend": f"id INTEGER PRIMARY KEY DESC, {REST}",
    "numbers in a text": f"id VARCHAR(36) PRIMARY KEY, {REST}",
    "numbers": f"id INTEGER PRIMARY KEY, {REST}",
}


def ids(schema: str) -> Callable[[int], object]:
    """Ids as such a store gives them out: those of texts come in no order."""
    if "bytes" in schema:
        return lambda n: uuid.uuid5(uuid.NAMESPACE_OID, str(n)).bytes
    if "descend" in schema:
        return lambda n: 1000 - n
    if schema == "numbers in a text":
        return lambda n: str(n + 7)  # "10" sorts before "9"
    if "numbers" in schema:
        return lambda n: n
    return lambda n: str(uuid.uuid5(uuid.NAMESPACE_OID, str(n)))


class Store:
    """An agent's file with tables of that make."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path, self.schema, self.id = path, schema, ids(schema)
        self.run(f"CREATE TABLE tickets ({SCHEMAS[schema]}\n)".replace("--\n)", ""))
        self.run(
            "CREATE TABLE agent_sessions (id TEXT PRIMARY KEY, session_id TEXT, ticket_id, status TEXT, started_at)"
        )
        self.run(
            "CREATE TABLE agent_log_entries (id TEXT PRIMARY KEY, session_id TEXT, entry_type TEXT, content TEXT,"
            " tool_name TEXT, tool_params TEXT, exit_code INTEGER, timestamp TEXT)"
        )

    def run(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(sql, values)

    def ticket(self, number: int, seen: str | None = None, verb: str = "INSERT", **more: Any) -> object:
        row = {
            "id": self.id(number),
            "violation_key": "store_down:1",
            "status": "open",
            "message": f"the {number}th",
            "first_seen_at": seen or f"2026-06-01T12:{number % 60:02}:00",
            **more,
        }
        self.run(f"{verb} INTO tickets ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())
        return row["id"]

    def works(self, ticket: object, session: str, *commands: str, status: str = "running") -> None:
        self.run("INSERT INTO agent_sessions VALUES (?, ?, ?, ?, '')", str(uuid.uuid4()), session, ticket, status)
        for second, command in enumerate(commands):
            at = f"2026-06-01T12:00:{second:02}"
            self.run(
                "INSERT INTO agent_log_entries VALUES (?, ?, 'tool_call', '', 'sh', ?, NULL, ?)",
                *(str(uuid.uuid4()), session, command, at),
            )


@pytest.fixture(params=SCHEMAS)
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    return Store(tmp_path / "operator.db", request.param)


@pytest.fixture
def texts(tmp_path: Path) -> Store:
    return Store(tmp_path / "operator.db", "texts")


def source(path: Path) -> OperatorDb:
    return OperatorDb(path, ZoneInfo("UTC"), lambda: NOW)


async def messages(of: OperatorDb, cursor: Cursor) -> list[str]:
    report = await of.poll(cursor)
    assert report.error is None, report.error
    return [ticket.message for ticket in report.tickets]


# Ids of any make -----------------------------------------------------------------------------------------------------


async def test_every_new_ticket_is_seen_and_no_old_one_whatever_ids_are_made_of(store: Store) -> None:
    for number in range(1, 9):
        store.ticket(number)
    looking = source(store.path)
    cursor = await looking.current_cursor()
    assert await messages(looking, cursor) == []
    for number in range(9, 20):  # a text among them is below the highest, or above it, as chance will have it
        store.ticket(number)
    assert await messages(looking, cursor) == [f"the {number}th" for number in range(9, 20)], "in the order of arrival"


async def test_what_was_run_for_a_ticket_is_found_by_its_id(store: Store) -> None:
    store.works(store.ticket(1), "old", "kubectl delete pod old")
    looking = source(store.path)
    cursor = await looking.current_cursor()
    new = store.ticket(2)
    store.works(new, "new", "kubectl get pods", "kubectl delete pod x", "kubectl get nodes", status="resolved")
    store.run("UPDATE tickets SET status = 'resolved' WHERE message = 'the 2th'")
    (ticket,) = (await looking.poll(cursor)).tickets
    assert ticket.resolved
    log = await looking.read_commands(cursor, [ticket])
    assert [each.command for each in log.commands] == ["kubectl get pods", "kubectl delete pod x", "kubectl get nodes"]


async def test_a_row_that_is_changed_rewritten_or_moved_is_no_new_ticket(store: Store) -> None:
    for number in (1, 2, 3, 4):
        store.ticket(number)
    looking = source(store.path)
    cursor = await looking.current_cursor()
    store.run("UPDATE tickets SET status = 'resolved', message = 'other' WHERE message = 'the 2th'")
    store.run("DELETE FROM tickets WHERE message = 'the 1th'")
    store.run("DELETE FROM tickets WHERE message = 'the 4th'")
    store.ticket(4, message="rewritten whole")
    if store.schema != "no key at all":
        store.ticket(3, verb="REPLACE")
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("VACUUM")
    assert await messages(looking, cursor) == []


async def test_an_id_that_is_given_out_again_is_a_new_ticket(store: Store) -> None:
    for number in (1, 2, 3):
        store.ticket(number)
    looking = source(store.path)
    cursor = await looking.current_cursor()
    store.run("DELETE FROM tickets WHERE message = 'the 3th'")
    store.ticket(3, seen="2026-06-01T13:00:00", message="again")
    assert await messages(looking, cursor) == ["again"]


async def test_of_numbers_only_the_newest_are_remembered_and_the_oldest_stay_old(tmp_path: Path) -> None:
    store = Store(tmp_path / "operator.db", "numbers")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        rows = [(n, f"2026-06-01T12:00:00.{n:06}", f"the {n}th") for n in range(1, 3 * known_rows.MAX_NEWEST)]
        connection.executemany("INSERT INTO tickets (id, first_seen_at, message) VALUES (?, ?, ?)", rows)
    looking = source(store.path)
    cursor = await looking.current_cursor()
    assert len(cursor.tickets.digests) == known_rows.MAX_NEWEST * known_rows.DIGITS
    store.ticket(5000)
    assert await messages(looking, cursor) == ["the 5000th"]
    store.path.unlink()
    store = Store(store.path, "numbers")
    store.ticket(1, seen="2026-06-01T15:00:00")
    assert await messages(looking, cursor) == ["the 1th"], "another file, though its ids are below"


async def test_more_rows_than_can_be_remembered_are_refused_with_a_sentence(
    texts: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_rows, "MAX_ROWS", 3)
    for number in range(4):
        texts.ticket(number)
    with reading(texts.path) as file, pytest.raises(AgentUnreadable, match=r"more than 3 rows in tickets.*new file"):
        assert file is not None
        known_rows.remember_rows(file, "tickets")


# Files that are meant to hang a look ---------------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE VIEW tickets AS {ENDLESS} SELECT i AS id, 'x' AS message FROM n",
        "CREATE VIEW tickets AS SELECT 1 AS id, hex(zeroblob(500000000)) AS message",
        "CREATE VIRTUAL TABLE tickets USING fts5(id, message)",
        "CREATE TABLE Tickets (message TEXT)",
    ],
)
async def test_what_is_no_plain_table_is_refused_at_once(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "operator.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)
    report = await source(path).poll(NOTHING)
    assert report.error is not None and "cannot be understood" in report.error


async def test_a_generated_column_and_an_index_over_one_are_not_computed(tmp_path: Path) -> None:
    path = tmp_path / "operator.db"
    heavy = "hex(zeroblob(length(status) * 200000000))"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE tickets (id TEXT, status TEXT, message TEXT GENERATED ALWAYS AS ({heavy}))")
        connection.execute("CREATE TABLE agent_sessions (id, session_id, ticket_id, status)")
        connection.execute("INSERT INTO tickets (id, status) VALUES ('a', 'x')")
    (ticket,) = (await source(path).poll(NOTHING)).tickets
    assert (ticket.id, ticket.message) == ("a", "")


async def test_a_value_of_any_length_is_read_from_its_beginning(texts: Store) -> None:
    looking = source(texts.path)
    cursor = await looking.current_cursor()
    texts.ticket(1, message="m" * 60_000_000)
    texts.ticket(2, message="second")
    texts.run("UPDATE tickets SET message = zeroblob(300000000) WHERE message = 'second'")
    ticket = texts.ticket(3, violation_key="k" * 5_000_000)
    texts.works(ticket, "s", f"kubectl delete pod {'x' * 30_000_000}", "kubectl get pods")
    report = await looking.poll(cursor)
    assert report.error is None and len(report.tickets) == 3
    assert report.tickets[0].message.startswith("mmm") and len(report.tickets[0].message) < 5000
    log = await looking.read_commands(cursor, report.tickets)
    assert log.complete and [each.destructive for each in log.commands] == [True, False]


async def test_a_log_that_never_ends_is_cut_and_says_so(texts: Store) -> None:
    looking = source(texts.path)
    cursor = await looking.current_cursor()
    texts.works(texts.ticket(1), "s")
    texts.run(
        f"{ENDLESS} INSERT INTO agent_log_entries (id, session_id, entry_type, tool_params)"
        " SELECT 'e' || i, 's', 'tool_call', 'echo ' || i FROM n LIMIT 30000"
    )
    log = await looking.read_commands(cursor, (await looking.poll(cursor)).tickets)
    assert len(log.commands) == 2000 and not log.complete


@pytest.mark.parametrize("beside", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("made", ["a pipe", "a folder", "a link to nothing that ends"])
async def test_a_pipe_a_folder_or_a_device_is_no_file(tmp_path: Path, beside: str, made: str) -> None:
    path = tmp_path / "operator.db"
    if beside:
        Store(path, "texts")
    odd = f"{path}{beside}"
    match made:
        case "a pipe":
            os.mkfifo(odd)
        case "a folder":
            os.mkdir(odd)
        case _:
            os.symlink("/dev/zero", odd)
    report = await source(path).poll(NOTHING)
    assert report.error is not None and "is no file" in report.error


@pytest.mark.parametrize("at", [0, 16, 18, 28, 52, 100, 105, 4096, 4100])
async def test_a_damaged_file_is_trouble_or_is_read_and_never_ends_the_reader(texts: Store, at: int) -> None:
    for number in range(200):
        texts.ticket(number)
    whole = texts.path.read_bytes()
    looking = source(texts.path)
    texts.path.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64 :])
    await looking.poll(NOTHING)
    texts.path.write_bytes(whole)
    assert len(await messages(looking, NOTHING)) == 200


async def test_a_wal_that_was_left_by_a_crash_is_read_and_one_without_its_index_leaves_no_trace(texts: Store) -> None:
    crash = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode = WAL');"
        "c.execute(\"INSERT INTO tickets (id, message) VALUES ('w', 'in the wal')\"); c.commit(); os._exit(0)"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", crash, str(texts.path)], check=True)
    looking = source(texts.path)
    assert await messages(looking, NOTHING) == ["in the wal"]
    os.unlink(f"{texts.path}-shm")
    before = sorted(os.listdir(texts.path.parent))
    report = await looking.poll(NOTHING)
    assert report.error is not None and "no -shm beside it" in report.error
    assert sorted(os.listdir(texts.path.parent)) == before


async def test_a_statement_without_an_end_is_broken_off(texts: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should one ever come to be run: the authorizer lets none through."""
    with reading(texts.path) as file:
        assert file is not None
        for sql in (
            f"{ENDLESS} SELECT count(*) FROM n",
            "SELECT load_extension('x')",
            "SELECT randomblob(9)",
            "ATTACH '/etc/passwd' AS other",
            "PRAGMA writable_schema = ON",
            "INSERT INTO tickets (id) VALUES ('x')",
            "CREATE TEMP TABLE t (x)",
        ):
            with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
                file.execute(sql)
    monkeypatch.setattr("controller.agents.operatordb.file.CPU_SECONDS", 0.1)
    with (
        pytest.raises(AgentUnreadable, match="takes longer than one read may take"),
        reading(texts.path) as file,
    ):
        assert file is not None
        file.set_authorizer(None)
        file.execute(f"{ENDLESS} SELECT count(*) FROM n").fetchone()


# A process that reads and goes wrong ---------------------------------------------------------------------------------

NEVER = "import time; time.sleep(3600)"
ENDS = "import sys; sys.stdin.readline(); sys.exit(3)"
SHOUTS = "import sys; sys.stdin.readline(); print('x' * (1 << 26), flush=True); print('x' * (1 << 26), flush=True)"
BABBLES = "import sys; sys.stdin.readline(); print('[' * 200000)"
DEAF = "import os; os.close(0); import time; time.sleep(3600)"


@pytest.mark.parametrize("runs", [NEVER, ENDS, SHOUTS, BABBLES, DEAF])
def test_a_reader_that_hangs_ends_or_raves_costs_one_look_and_is_replaced(
    texts: Store, monkeypatch: pytest.MonkeyPatch, runs: str
) -> None:
    reader = FileReader()
    query = FileQuery("counts", str(texts.path), NOW)
    with monkeypatch.context() as patched:
        patched.setattr("controller.agents.operatordb.reader._START", runs)
        patched.setattr("controller.agents.operatordb.reader.ANSWER_BYTES", 1 << 20)
        with pytest.raises(AgentUnreadable, match="cannot be read"):
            reader.ask(query, 2.0 if runs in (NEVER, DEAF) else 60.0)
    assert reader.ask(query)["tickets"] == 0
    reader.close()


def test_the_reader_has_no_more_memory_than_it_was_given(texts: Store) -> None:
    """Measured by the kernel, not by us."""
    reader = FileReader()
    reader.ask(FileQuery("counts", str(texts.path), NOW))
    assert reader._process is not None
    limits = Path(f"/proc/{reader._process.pid}/limits").read_text()
    assert f"Max address space         {512 << 20}" in limits and "Max core file size        0" in limits
    reader.close()


def test_the_reader_is_told_no_secret_of_the_controllers(texts: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALCAMPAIGN_DB", "postgresql://user:hunter2@db/records")
    reader = FileReader()
    reader.ask(FileQuery("counts", str(texts.path), NOW))
    assert reader._process is not None
    assert b"hunter2" not in Path(f"/proc/{reader._process.pid}/environ").read_bytes()
    reader.close()
