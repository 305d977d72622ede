"""What was asked of the software first of all, a test a requirement."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bench.scripted import Script
from controller.agents.operatordb.source import OperatorDb
from controller.api import Mode, Outcome, Step
from controller.cli.app import app
from controller.cli.run.request import build_spec
from subjects.protocol import EvalSubject, SubjectContext
from subjects.registry import installed
from subjects.tikv.subject import TikvSubject
from tests.support.operatordb import AgentFile
from tests.unit.attempt.conftest import UID, spec
from tests.unit.attempt.test_agent_attempt import AGENT, source
from tests.unit.subjects.tikv_fakes import STORES, FakeTikv, planned


async def test_run_01_a_trial_is_reset_injected_waited_for_and_recorded(bench: Any) -> None:
    _, row = await bench.run(Script(heal_after=3), spec(observe_seconds=20))
    entered = [event.step for event in bench.events(row)]
    order = [entered.index(step) for step in (Step.RESET, Step.INJECT, Step.OBSERVE, Step.CLEANUP, Step.RECORD)]
    assert order == sorted(order) and row.outcome is Outcome.SELF_HEALED


async def test_run_02_the_record_has_the_five_times(bench: Any) -> None:
    source(bench, opens=2, resolves=6)
    _, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    times = (row.started_at, row.chaos_injected_at, row.ticket_created_at, row.resolution_seen_at, row.ended_at)
    assert list(times) == sorted(times)


async def test_run_03_the_states_before_and_after_are_recorded(bench: Any) -> None:
    _, row = await bench.run(Script(heal_after=3), spec(observe_seconds=20))
    assert row.initial_state["members"].keys() == row.final_state["members"].keys()
    assert row.initial_state["members"] != row.final_state["members"], "the target is another one"


async def test_run_04_commands_come_from_the_agents_session_in_operator_db(bench: Any, tmp_path: Path) -> None:
    agent = AgentFile(tmp_path / "operator.db")
    agent.session(agent.ticket(bench.clock.now().replace(tzinfo=None)), "an older one")
    agent.log("an older one", "tool_call", '{"command": "rm -rf /"}')
    db = bench.source = OperatorDb(agent.path, ZoneInfo("UTC"), bench.clock.now)
    poll_file, at_work = db.poll, []  # type: ignore[var-annotated]

    async def poll(cursor: Any) -> Any:
        """The agent goes to work once something is broken."""
        if bench.world.injected and not at_work:
            now = bench.clock.now().replace(tzinfo=None)
            at_work.append(ticket := agent.ticket(now))
            agent.session(ticket, "s", "resolved", now)
            agent.log("s", "tool_call", '{"command": "kubectl delete pod m-1"}', at=now.isoformat())
            agent.log("s", "tool_result", None, 0, now.isoformat())
            agent.update(ticket, status="resolved", resolved_at=now.isoformat())
        return await poll_file(cursor)

    db.poll = poll  # type: ignore[method-assign]
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED
    assert [(each["command"], each["exitCode"]) for each in row.commands] == [("kubectl delete pod m-1", 0)]


async def test_run_05_a_baseline_does_not_wait_for_an_agent(bench: Any) -> None:
    _, row = await bench.run(Script(heal_after=3), spec(observe_seconds=3600, mode=Mode.BASELINE))
    assert row.time_to_recover < 4 and (row.ended_at - row.recovered_at).total_seconds() < 5


async def test_run_06_the_evaluation_database_is_apart_from_operator_db(bench: Any, tmp_path: Path) -> None:
    agent = AgentFile(tmp_path / "operator.db")
    before = agent.path.read_bytes()
    bench.source = OperatorDb(agent.path, ZoneInfo("UTC"), bench.clock.now)
    await bench.run(Script(heal_after=None), spec(**AGENT))
    assert agent.path.read_bytes() == before
    with closing(sqlite3.connect(Path(bench.url.removeprefix("sqlite:///")))) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"campaigns", "attempts"} <= tables and "tickets" not in tables


def test_subj_01_what_a_subject_must_do_can_be_checked_while_it_runs() -> None:
    methods = ("reset", "wait_healthy", "capture_state", "get_chaos_types", "inject_chaos")
    assert all(hasattr(EvalSubject, method) for method in methods)
    for factory in installed().subjects.values():
        assert isinstance(factory(SubjectContext(None, "n", lambda: None)), EvalSubject)
    assert not isinstance(object(), EvalSubject)


def test_subj_02_tikv_is_a_subject() -> None:
    assert isinstance(installed().subjects["tikv"](SubjectContext(None, "tikv", lambda: None)), TikvSubject)


async def test_subj_03_node_kill_hits_a_random_store_and_the_same_one_for_the_same_seed() -> None:
    cluster = FakeTikv()
    drawn = [(await planned(cluster, "node_kill", seed)).targets[0].name for seed in range(50)]
    assert set(drawn) == set(STORES)
    assert drawn == [(await planned(cluster, "node_kill", seed)).targets[0].name for seed in range(50)]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `evalcampaign COMMAND` would create; no cluster is asked."""
    made = []
    monkeypatch.setattr("controller.cli.cluster.api.Api.connect", lambda context: None)
    monkeypatch.setattr("controller.cli.cluster.campaigns.Campaigns.__init__", lambda *_: None)
    monkeypatch.setattr("controller.cli.run.execution.create", lambda _, asked, name: made.append(build_spec(asked)[1]))
    for shown in ("print_token_hint", "follow_until_end"):
        monkeypatch.setattr(f"controller.cli.run.execution.{shown}", lambda *_: 0)

    def run(command: str) -> Any:
        result = CliRunner().invoke(app, command.split())
        return result, made

    return run


def test_cli_01_eval_run_asks_for_a_campaign_of_that_chaos_on_that_subject(ran: Any) -> None:
    result, (made,) = ran("run --subject tikv --chaos node_kill")
    assert result.exit_code == 0, result.output
    assert (made.subject.type, made.chaos.type, made.mode) == ("tikv", "node_kill", Mode.AGENT)


def test_cli_02_with_baseline_nobody_acts(ran: Any) -> None:
    result, (made,) = ran("run --subject tikv --chaos node_kill --baseline --trials 3")
    assert result.exit_code == 0 and made.mode is Mode.BASELINE and made.trials == 3


def test_unknown_chaos_is_refused_with_the_known_ones_before_anything_is_created(ran: Any) -> None:
    result, made = ran("run --subject tikv --chaos node_kil --baseline")
    said = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2 and made == []
    assert "did you mean node_kill" in said and "node_down, node_kill, pd_kill, pd_leader_kill" in said


async def test_a_campaign_runs_its_trials_one_after_another(bench: Any) -> None:
    rows = []
    for trial in (1, 2, 3):
        attempt = await bench.attempt(Script(heal_after=1), spec(observe_seconds=20, trials=3), trial)
        await attempt.run(bench.stop)
        rows.append(await bench.row())
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(rows))
    await bench.records.open_attempt(UID, 4, 1, bench.clock.now())
    with pytest.raises(RuntimeError, match="one at a time"):
        await bench.records.open_attempt(UID, 5, 1, bench.clock.now())
