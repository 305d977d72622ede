"""The scripted agent as it runs, in a small world of its own: what it tells, and what it does.

Its clock goes on by a second with each look, so that nothing here depends on how long anything takes.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from examples.agent.agent import http_journal, life
from examples.agent.agent.policies import POLICIES
from examples.agent.agent.settings import Settings
from tests.support.waiting import eventually
from tests.unit.agent.objects import pod
from tests.unit.agent.world import TOKEN, World, serving

BREAKS_AT = 2
"""The look at which a member is put to sleep, where one is."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(life, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(http_journal, "WAITS", (0.01,))
    return World()


@asynccontextmanager
async def living(policy: str, world: World, folder: Path, report: str = "", token: str = TOKEN) -> AsyncIterator[Path]:
    """An agent of this policy for as long as the block lasts; yields the file that says it sees."""
    (folder / "token").write_text(f"{token}\n")
    async with serving(world) as url:
        environment = {
            "AGENT_POLICY": policy,
            "AGENT_REPORT": report or url,
            "AGENT_TOKEN_FILE": str(folder / "token"),
            "AGENT_EVERY": "0",
            "AGENT_SEED": "0",
            "AGENT_API": url,
            "AGENT_PD": url,
            "AGENT_ACCOUNT": str(folder),
            "AGENT_READY": str(folder / "ready"),
        }
        seconds = itertools.count()
        task = asyncio.create_task(life.run_agent(Settings.of(environment), clock=lambda: float(next(seconds))))
        try:
            yield folder / "ready"
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def after(policy: str, world: World, folder: Path, looks: int = 12, broken: bool = True) -> World:
    """The world after so many looks, and after everything was told."""
    if broken:
        world.at_look[BREAKS_AT] = lambda: world.put_to_sleep("tikv-1")
    async with living(policy, world, folder):
        await eventually(lambda: world.looks >= looks)
    return world


async def test_the_fixer_tells_of_the_fault_deletes_the_stuck_pod_and_tells_that_it_is_resolved(
    world: World, tmp_path: Path
) -> None:
    await after("fixer", world, tmp_path)
    assert world.deleted == ["tikv-1"]
    assert world.changes == ["open", "acknowledged", "resolved"]
    [ticket] = world.tickets.values()
    assert (ticket["subject"], ticket["resolvedBy"]) == ("tikv/tikv", "agent")
    assert "tikv-1" in ticket["message"]
    assert world.commands == ["kubectl -n tikv get pods", "kubectl -n tikv delete pod tikv-1 --wait=false"]


async def test_every_command_has_its_reason_and_its_result_in_one_session_of_the_ticket(
    world: World, tmp_path: Path
) -> None:
    await after("fixer", world, tmp_path)
    [(session_id, session)] = world.sessions.items()
    assert session["ticket"] in world.tickets
    assert session["status"] == "resolved"
    assert [entry["sequence"] for entry in world.log] == list(range(1, len(world.log) + 1))
    assert {entry["session"] for entry in world.log} == {session_id}
    told = [(entry["type"], entry.get("exitCode")) for entry in world.log]
    a_command = [("reasoning", None), ("tool_call", None), ("tool_result", 0)]
    assert told == [*a_command, *a_command, ("reasoning", None)]
    assert all(entry["params"]["reasoning"] for entry in world.log if entry["type"] == "tool_call")
    assert "tikv-1" in world.log[2]["content"]


async def test_every_time_it_tells_has_a_zone_and_is_in_order(world: World, tmp_path: Path) -> None:
    await after("fixer", world, tmp_path)
    [ticket], [session] = world.tickets.values(), world.sessions.values()
    told = [ticket["openedAt"], session["startedAt"], *(entry["at"] for entry in world.log), session["endedAt"]]
    times = [datetime.fromisoformat(each) for each in [*told, ticket["resolvedAt"]]]
    assert all(at.tzinfo is not None for at in times)
    assert times[:-1] == sorted(times[:-1])
    assert times[-1] == times[-2]


async def test_the_watcher_has_a_ticket_and_no_session_and_leaves_the_pod_where_it_is(
    world: World, tmp_path: Path
) -> None:
    await after("watcher", world, tmp_path)
    assert (world.changes, world.sessions, world.log, world.deleted) == (["open"], {}, [], [])


async def test_what_goes_away_by_itself_is_closed_by_the_watcher_as_a_monitor(world: World, tmp_path: Path) -> None:
    world.at_look[BREAKS_AT] = lambda: world.away.add("tikv-2")
    world.at_look[8] = world.away.clear
    await after("watcher", world, tmp_path, looks=15, broken=False)
    [ticket] = world.tickets.values()
    assert (ticket["status"], ticket["resolvedBy"]) == ("resolved", "monitor")
    assert "tikv-2 Disconnected" in ticket["message"]


async def test_the_liar_tells_that_it_is_resolved_and_has_only_looked(world: World, tmp_path: Path) -> None:
    await after("liar", world, tmp_path)
    assert world.changes == ["open", "acknowledged", "resolved"]
    assert (world.commands, world.deleted) == (["kubectl -n tikv get pods"], [])


async def test_the_sleeper_tells_nothing(world: World, tmp_path: Path) -> None:
    await after("sleeper", world, tmp_path)
    assert (world.tickets, world.sessions, world.log, world.deleted) == ({}, {}, [], [])


async def test_the_jumpy_one_has_tickets_of_different_names_where_nothing_is_wrong(
    world: World, tmp_path: Path
) -> None:
    await after("jumpy", world, tmp_path, looks=45, broken=False)
    assert len(world.tickets) > 1
    assert world.deleted == []


async def test_the_wrecker_deletes_others_again_and_again_and_never_calls_it_resolved(
    world: World, tmp_path: Path
) -> None:
    await after("wrecker", world, tmp_path, looks=20)
    assert len(world.deleted) > 2
    assert set(world.deleted) <= {"tikv-0", "tikv-2"}
    assert world.changes == ["open", "acknowledged"]


@pytest.mark.parametrize("policy", sorted(set(POLICIES) - {"jumpy"}))
async def test_a_healthy_system_is_left_alone_and_nothing_is_told(policy: str, world: World, tmp_path: Path) -> None:
    await after(policy, world, tmp_path, broken=False)
    assert (world.tickets, world.log, world.deleted) == ({}, [], [])


async def test_a_pod_that_took_the_name_of_the_broken_one_is_spared_and_the_refusal_is_logged(
    world: World, tmp_path: Path
) -> None:
    # Between the look and the deed somebody else was quicker.
    world.before_deleting = lambda: world.pods.update({"tikv-1": pod("tikv-1", uid="somebody-elses")})
    await after("fixer", world, tmp_path)
    assert world.deleted == []
    assert any(entry.get("exitCode") == 1 and "(Conflict)" in entry["content"] for entry in world.log)


async def test_an_intake_that_is_away_for_a_while_gets_everything_in_order_later_and_delays_no_deed(
    world: World, tmp_path: Path
) -> None:
    world.at_look[BREAKS_AT] = lambda: (world.put_to_sleep("tikv-1"), world.misfortunes.extend([503, 503, 429]))  # type: ignore[assignment, func-returns-value]
    async with living("fixer", world, tmp_path):
        await eventually(lambda: world.deleted)
        assert world.tickets == {}
        await eventually(lambda: world.changes == ["open", "acknowledged", "resolved"])
    assert [entry["sequence"] for entry in world.log] == list(range(1, len(world.log) + 1))


async def test_what_the_intake_calls_wrong_is_dropped_and_the_rest_is_told(world: World, tmp_path: Path) -> None:
    world.at_look[BREAKS_AT] = lambda: (world.put_to_sleep("tikv-1"), world.misfortunes.append(422))  # type: ignore[assignment, func-returns-value]
    await after("fixer", world, tmp_path, broken=False)
    assert world.changes == ["acknowledged", "resolved"]


async def test_it_is_ready_once_it_sees_and_its_work_is_taken(world: World, tmp_path: Path) -> None:
    async with living("fixer", world, tmp_path) as ready:
        await eventually(ready.exists)
        assert world.looks > 0


async def test_with_another_campaigns_token_it_does_not_begin_until_the_right_one_is_there(
    world: World, tmp_path: Path
) -> None:
    async with living("fixer", world, tmp_path, token="yesterdays") as ready:
        await asyncio.sleep(0.05)
        assert (world.looks, ready.exists()) == (0, False)
        (tmp_path / "token").write_text(TOKEN)
        await eventually(ready.exists)


async def test_while_the_api_server_is_away_nothing_is_concluded(world: World, tmp_path: Path) -> None:
    async with living("fixer", world, tmp_path):
        world.at_look = dict.fromkeys(range(3, 10), _break_off)
        await eventually(lambda: world.looks >= 16)
    assert world.tickets == {}


def _break_off() -> None:
    raise ConnectionResetError
