from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller.analysis.loading import ended, load, of_attempts, query
from controller.api import Outcome
from controller.records import Records, queries
from controller.records.database import reading
from controller.records.rows import Flag
from tests.unit.records.samples import at, fill, spec

LOG = [{"tool": "bash", "command": "kubectl get pods", "mutating": False, "destructive": False}] * 2


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """`demo`, a baseline, and `helped`, an agent's trial whose ticket we saw late, and one that is not ended."""
    url = f"sqlite:///{tmp_path}/records.db"
    records = await Records.open(url)
    await fill(records)
    await records.ensure_campaign("uid-2", "default", "helped", spec(mode="agent"), at(500))
    row = await records.open_attempt("uid-2", 1, seed=7, at=at(510))
    times: dict[str, float] = {
        "chaos_injected_at": 520,
        "deadline_at": 580,
        "ticket_created_at": 526,
        "ticket_seen_at": 531,
    }
    times |= {"resolution_seen_at": 540, "recovered_at": 541.5}
    facts: dict[str, Any] = {name: at(seconds) for name, seconds in times.items()}
    await records.update(row.id, at=at(550), flags=[Flag.TICKET_SEEN_LATE], commands=LOG, **facts)
    await records.end_attempt(row.id, Outcome.RESOLVED, at=at(560))
    await records.open_attempt("uid-2", 2, seed=8, at=at(570))
    await records.close()
    yield url


def test_times_count_from_the_injection_and_the_agents_own_counts_where_we_could_not_look(url: str) -> None:
    with reading(url) as connection:
        (trial,) = load(connection, queries.find_campaign(connection, "helped").campaign)
    assert (trial.window, trial.detected, trial.resolved, trial.recovered) == (60.0, 6.0, 20.0, 21.5)
    assert trial.commands is not None and (trial.commands.total, trial.commands.unique) == (2, 1)
    assert trial.flags == ("TicketSeenLate",)


def test_every_attempt_that_ended_is_loaded_in_order_and_told_of(url: str) -> None:
    portions: list[int] = []
    with reading(url) as connection:
        campaign = queries.find_campaign(connection, "demo").campaign
        trials = load(connection, campaign, portions.append)
        assert sum(portions) == ended(connection, campaign) == 4
    assert [(trial.trial, trial.attempt, trial.outcome.value) for trial in trials] == [
        (1, 1, "SelfHealed"),
        (2, 1, "Interrupted"),
        (2, 2, "SelfHealed"),
        (3, 1, "NotHealed"),
    ]
    assert trials[0].commands is None


@pytest.mark.parametrize("name", ["demo", "helped"])
def test_attempts_that_were_read_already_give_the_same_trials(url: str, name: str) -> None:
    with reading(url) as connection:
        campaign = queries.find_campaign(connection, name).campaign
        rows = queries.list_attempts(connection, campaign.uid)
        assert of_attempts(rows) == load(connection, campaign)


@pytest.mark.parametrize("name", ["demo", "helped"])
def test_an_index_answers_and_no_row_with_its_states_and_commands_is_read(url: str, name: str) -> None:
    with reading(url) as connection:
        asked = query(queries.find_campaign(connection, name).campaign)
        told = str(asked.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}")]
    assert [line for line in plan if "attempts" in line] == [
        "SEARCH attempts USING COVERING INDEX ix_attempts_numbers (campaign_uid=? AND ended_at>?)"
    ]
