"""What the scripted agent tells is what the controller understands, by either way: the two were written apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controller.agents.operatordb import source as reader
from controller.agents.protocol import AgentSource, CommandLog, Ticket
from examples.agent.agent.http_journal import HttpJournal
from examples.agent.agent.journal import Journal, JournalUnavailable
from examples.agent.agent.operator_db import OperatorDb
from examples.agent.agent.worklog import WorkLog
from tests.unit.agents.test_intake import TOKEN, Here, here, workers  # noqa: F401

AT = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)
COMMAND = "kubectl -n tikv delete pod tikv-1 --wait=false"


@asynccontextmanager
async def told(journal: Journal) -> AsyncIterator[WorkLog]:
    """A book whose contents have arrived when the block ends."""
    await journal.open()
    yield WorkLog(journal, "run", "tikv/tikv", lambda: AT)
    await journal.close()


async def a_case(journal: Journal, by_agent: bool = True) -> None:
    async with told(journal) as worklog:
        await worklog.open_ticket("pod_not_ready", "tikv-1", "tikv-1 is not Ready")
        if by_agent:
            await worklog.add_reasoning("It is to be deleted.")
            await worklog.add_call(COMMAND, "it is stuck")
            await worklog.add_result("deleted", 0)
        await worklog.close_ticket("deleted it", by_agent)


async def seen(source: AgentSource, journal: Journal, by_agent: bool = True) -> tuple[Ticket, CommandLog]:
    cursor = await source.current_cursor()
    await a_case(journal, by_agent)
    report = await source.poll(cursor)
    assert report.error is None
    [ticket] = report.tickets
    return ticket, await source.read_commands(cursor, report.tickets)


@pytest.fixture(params=["http", "operator.db"])
def both(request: pytest.FixtureRequest, here: Here, tmp_path: Path) -> tuple[AgentSource, Journal]:  # noqa: F811
    """A source of the controller's, and the agent's journal that leads there."""
    (tmp_path / "token").write_text(TOKEN)
    if request.param == "http":
        return here.source, HttpJournal(str(here.client.base_url), tmp_path / "token")
    path = tmp_path / "operator.db"
    return reader.OperatorDb(path, ZoneInfo("UTC"), lambda: AT), OperatorDb(path)


async def test_a_ticket_its_times_and_its_resolution_come_across(both: tuple[AgentSource, Journal]) -> None:
    ticket, _ = await seen(*both)
    assert ticket.message == "tikv-1 is not Ready"
    assert (ticket.opened_at, ticket.resolved_at, ticket.resolved) == (AT, AT, True)


async def test_a_command_comes_across_with_its_exit_code_and_is_judged(both: tuple[AgentSource, Journal]) -> None:
    _, log = await seen(*both)
    [command] = log.commands
    assert log.complete
    assert (command.command, command.tool, command.exit_code, command.at) == (COMMAND, "shell", 0, AT)
    assert command.mutating


async def test_what_went_away_by_itself_is_not_resolved_by_the_agent(both: tuple[AgentSource, Journal]) -> None:
    ticket, log = await seen(*both, by_agent=False)
    assert not ticket.resolved
    assert log.commands == ()


async def test_a_token_of_no_campaign_is_noticed_before_anything_is_told(
    here: Here,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("nobodys")
    journal = HttpJournal(str(here.client.base_url), tmp_path / "token")
    with pytest.raises(JournalUnavailable, match="401"):
        await journal.open()
    await journal.close()
