"""The operator.db that the scripted agent leaves behind: what a reader of such files finds in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from examples.agent.agent.journal import JournalUnavailable, Ticket
from examples.agent.agent.operator_db import OperatorDb, naive, ticket_row
from examples.agent.agent.worklog import WorkLog

NOON = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
COLUMNS = {
    "tickets": {
        *("id", "violation_key", "invariant_name", "store_id", "status", "held", "batch_key", "occurrence_count"),
        *("first_seen_at", "last_seen_at", "resolved_at", "message", "severity", "diagnosis", "metric_snapshot"),
        *("subject_context", "variant_model", "variant_system_prompt", "variant_tools_config"),
        *("created_at", "updated_at"),
    },
    "agent_sessions": {
        *("id", "session_id", "ticket_id", "status", "started_at", "ended_at", "outcome_summary", "created_at")
    },
    "agent_log_entries": {
        *("id", "session_id", "entry_type", "content", "raw_content", "tool_name", "tool_params", "exit_code"),
        *("timestamp", "created_at"),
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operator.db"


@pytest.fixture
async def worklog(path: Path) -> WorkLog:
    """On a new file, with a clock that goes on by a second each time it is asked."""
    journal = OperatorDb(path)
    await journal.open()
    return WorkLog(journal, "run", "tikv/tikv", ticking().__next__)


def ticking() -> Iterator[datetime]:
    at = NOON
    while True:
        yield at
        at += timedelta(seconds=1)


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY id")]


async def test_the_tables_have_the_columns_that_readers_know_and_may_be_made_twice(path: Path) -> None:
    for _ in range(2):
        await OperatorDb(path).open()
    with closing(sqlite3.connect(path)) as db:
        found = {name: {row[1] for row in db.execute(f"PRAGMA table_info({name})")} for name in COLUMNS}
    assert found == COLUMNS


async def test_a_ticket_that_nobody_takes_up_is_open_and_not_held(path: Path, worklog: WorkLog) -> None:
    await worklog.open_ticket("pod_not_ready", "tikv-1", "tikv-1 is not Ready")
    [ticket] = rows(path, "tickets")
    assert (ticket["violation_key"], ticket["invariant_name"], ticket["store_id"]) == (
        "pod_not_ready:tikv-1",
        "pod_not_ready",
        "tikv-1",
    )
    assert (ticket["status"], ticket["held"], ticket["resolved_at"]) == ("open", 0, None)
    assert ticket["first_seen_at"] == "2031-05-04T12:00:00"
    assert rows(path, "agent_sessions") == []


async def test_work_makes_a_session_and_holds_the_ticket(path: Path, worklog: WorkLog) -> None:
    await worklog.open_ticket("pod_not_ready", "tikv-1", "…")
    await worklog.add_reasoning("hm")
    [ticket], [session] = rows(path, "tickets"), rows(path, "agent_sessions")
    assert (ticket["status"], ticket["held"]) == ("acknowledged", 1)
    assert (session["ticket_id"], session["status"], session["ended_at"]) == (ticket["id"], "running", None)


async def test_a_command_is_two_entries_and_only_the_result_has_an_exit_code(path: Path, worklog: WorkLog) -> None:
    await worklog.open_ticket("pod_not_ready", "tikv-1", "…")
    await worklog.add_call("kubectl get pods", "to see")
    await worklog.add_result("none", 1)
    call, result = rows(path, "agent_log_entries")
    assert (call["entry_type"], call["exit_code"]) == ("tool_call", None)
    assert json.loads(call["tool_params"]) == {"command": "kubectl get pods", "reasoning": "to see"}
    assert (result["entry_type"], result["exit_code"], result["content"]) == ("tool_result", 1, "none")
    assert {call["session_id"], result["session_id"]} == {rows(path, "agent_sessions")[0]["session_id"]}


async def test_what_the_agent_resolved_is_told_from_what_a_monitor_closed(path: Path, worklog: WorkLog) -> None:
    await worklog.open_ticket("pod_not_ready", "tikv-1", "…")
    await worklog.add_reasoning("hm")
    await worklog.close_ticket("deleted it", by_agent=True)
    await worklog.open_ticket("pod_not_ready", "tikv-2", "…")
    await worklog.close_ticket("it is seen no more", by_agent=False)
    by_agent, by_monitor = rows(path, "tickets")
    assert (by_agent["status"], by_agent["held"], by_agent["diagnosis"]) == ("resolved", 1, "deleted it")
    assert (by_monitor["status"], by_monitor["held"], by_monitor["diagnosis"]) == ("resolved", 0, None)
    [session] = rows(path, "agent_sessions")
    assert (session["ticket_id"], session["status"]) == (by_agent["id"], "resolved")
    assert session["ended_at"] == by_agent["resolved_at"] > by_agent["first_seen_at"]


async def test_a_second_run_on_the_same_file_goes_on_below_what_is_there(path: Path) -> None:
    for run in ("first", "second"):
        journal = OperatorDb(path)
        await journal.open()
        worklog = WorkLog(journal, run, "tikv/tikv", ticking().__next__)
        await worklog.open_ticket("pod_not_ready", run, "…")
        await worklog.add_reasoning("hm")
    assert [ticket["store_id"] for ticket in rows(path, "tickets")] == ["first", "second"]
    assert [session["ticket_id"] for session in rows(path, "agent_sessions")] == [1, 2]


async def test_a_file_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="nowhere"):
        await OperatorDb(tmp_path / "nowhere" / "operator.db").open()


def test_an_escalation_is_no_resolution() -> None:
    ticket = Ticket("1", "tikv/tikv", "pod_not_ready", "tikv-1", "…", NOON, status="acknowledged")
    row = ticket_row(replace(ticket, status="escalated", diagnosis="beyond me"))
    assert (row["status"], row["diagnosis"], row["resolved_at"]) == ("diagnosed", "ESCALATED: beyond me", None)


def test_times_are_utc_whatever_zone_they_came_from() -> None:
    assert naive(datetime(2031, 5, 4, 14, 0, tzinfo=timezone(timedelta(hours=2)))) == "2031-05-04T12:00:00"
    assert naive(None) is None
