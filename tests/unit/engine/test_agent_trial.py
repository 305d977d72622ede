"""An attempt with an agent: it is started, looked at and sent away, and the row says what it did and when."""

from __future__ import annotations

import asyncio

import pytest

from controller.agents.protocol import AgentUnreadable, Command, CommandLog, Mark, Report, Thought, Ticket
from controller.agents.workload import Workload
from controller.api import Mode, Outcome, Step
from controller.attempt.outcome import Stop
from controller.records.flags import Flag
from subjects.cluster import ClusterError
from tests.support.scripted import Script
from tests.unit.engine.conftest import spec

AGENT = {"mode": Mode.AGENT, "observe_seconds": 20, "agent": {"source": "http"}, "confirm_seconds": 5}
DELETE = Command(None, "s", "shell", "kubectl delete pod m-1", 0, mutating=True, destructive=True, why="deletes")
GET = Command(None, "s", "shell", "kubectl get pods", 0, mutating=False, destructive=False, why="reads")


class ScriptedAgent:
    """A source that shows what an agent does so many seconds after the mark was taken."""

    def __init__(self, now, opens=None, resolves=None, commands=(), trouble=None):
        self.now = now
        self.opens, self.resolves = opens, resolves
        self.log = CommandLog(tuple(commands), thoughts=(Thought(None, "s", "m-1 is stuck", after=1),))
        self.trouble = trouble or (lambda passed: None)

    async def mark(self):
        self.marked = self.now()
        return Mark(self.marked, ticket=1)

    async def look(self, mark):
        assert mark.ticket == 1, "what was there before is no news"
        passed = (self.now() - mark.at).total_seconds()
        if why := self.trouble(passed):
            return Report(self.now(), trouble=why)
        if self.opens is None or passed < self.opens:
            return Report(self.now())
        done = self.resolves is not None and passed >= self.resolves
        return Report(self.now(), (Ticket(2, "t", message="m-1 is down", opened_at=self.now(), resolved=done),))

    async def commands(self, mark, tickets):
        if not tickets:
            return CommandLog()
        return self.log

    async def close(self):
        pass


def source(bench, **does):
    bench.source = ScriptedAgent(bench.clock.now, **does)
    return bench


async def test_a_fixer_resolves_and_its_times_and_commands_are_on_record(bench):
    source(bench, opens=2, resolves=6, commands=[GET, DELETE])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED and row.flags == []
    assert 2 <= row.time_to_detect < 2.6 and 6 <= row.time_to_resolve < 6.6 and 4 <= row.time_to_recover < 4.1
    assert [command["command"] for command in row.commands] == ["kubectl get pods", "kubectl delete pod m-1"]
    assert row.reasoning == [{"at": None, "session": "s", "text": "m-1 is stuck", "after": 1}]
    assert (row.commands_total, row.commands_unique, row.commands_mutating, row.commands_destructive) == (2, 2, 1, 1)
    assert row.agent_mark["ticket"] == 1
    assert row.ended_at < row.deadline_at, "nothing more was to be seen"


async def test_a_resolution_without_a_deed_is_flagged(bench):
    source(bench, opens=2, resolves=6, commands=[GET])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED and row.flags == [Flag.NO_MUTATING_COMMAND]


async def test_a_liar_is_found_out(bench):
    source(bench, opens=2, resolves=3)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.FALSE_RESOLUTION
    assert row.time_to_detect and row.time_to_resolve and row.recovered_at is None


async def test_a_watchers_detection_is_kept_though_the_time_ran_out(bench):
    source(bench, opens=2)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.DETECTED_UNRESOLVED
    assert 2 <= row.time_to_detect < 2.6 and row.resolved_at is None


async def test_a_ticket_that_was_there_before_ends_nothing(bench):
    source(bench)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.UNDETECTED
    assert row.ticket_seen_at is None and row.commands == []


async def test_what_heals_before_anybody_noticed_has_healed_itself(bench):
    source(bench, opens=8, resolves=9)
    outcome, row = await bench.run(Script(heal_after=1), spec(**AGENT))
    assert outcome is Outcome.SELF_HEALED and row.ticket_seen_at is None


async def test_where_no_agent_is_looked_at_nothing_is_known_of_its_commands(bench):
    _, row = await bench.run(Script(heal_after=1), spec(observe_seconds=20))
    assert row.commands is None and row.flags == []


async def test_a_ticket_in_a_baseline_contaminates_it(bench):
    source(bench, opens=1)
    outcome, row = await bench.run(Script(heal_after=4), spec(observe_seconds=20, agent={"source": "http"}))
    assert outcome is Outcome.SELF_HEALED and row.flags == [Flag.CONTAMINATED]


@pytest.mark.parametrize(("opens", "expected"), [(None, Outcome.QUIET), (3, Outcome.FALSE_ALARM)])
async def test_a_control_breaks_nothing_and_waits_for_false_alarms(bench, opens, expected):
    source(bench, opens=opens)
    outcome, row = await bench.run(Script(), spec(**AGENT | {"mode": Mode.CONTROL}))
    assert outcome is expected and bench.world.injected == [] and bench.world.cleanups == 0
    assert row.chaos_injected_at is None and row.fault is None
    assert (row.deadline_at - row.window_started_at).total_seconds() == 20
    assert row.ended_at >= row.deadline_at


async def test_whether_there_was_a_ticket_must_have_been_seen_at_the_end(bench):
    source(bench, trouble=lambda passed: "operator.db is locked" if passed > 5 else None)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT | {"deadlines": {"captureSeconds": 3}}))
    assert outcome is Outcome.INFRA_ERROR
    assert row.error == "AgentSightLost: operator.db is locked"
    assert bench.events(row)[-1].detail["failure"] == "AgentSightLost"
    assert bench.world.cleanups == 1


@pytest.mark.parametrize(("opens", "expected"), [(None, Outcome.SELF_HEALED), (2, Outcome.DETECTED_UNRESOLVED)])
async def test_a_recovery_that_was_seen_counts_though_the_agent_could_not_be_read_in_the_end(bench, opens, expected):
    source(bench, opens=opens, trouble=lambda passed: "operator.db is locked" if passed > 3 else None)
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT | {"deadlines": {"captureSeconds": 3}}))
    assert outcome is expected and 4 <= row.time_to_recover < 4.1
    assert Flag.AGENT_SIGHT_LOST in row.flags
    assert bench.world.cleanups == 1


async def test_a_source_that_cannot_be_read_before_the_injection_keeps_it_from_coming(bench):
    source(bench)

    async def unreadable():
        raise AgentUnreadable("operator.db is no database")

    bench.source.mark = unreadable
    outcome, row = await bench.run(Script(), spec(**AGENT | {"deadlines": {"inject_seconds": 3}}))
    assert outcome is Outcome.INFRA_ERROR and bench.world.injected == []
    assert row.error == "inject was not done within 3 s: operator.db is no database"


async def test_commands_that_cannot_be_read_are_said_to_be_missing_and_the_attempt_counts(bench):
    source(bench, opens=2, resolves=6)

    async def unreadable(mark, tickets):
        raise AgentUnreadable("operator.db is locked")

    bench.source.commands = unreadable
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED
    assert Flag.COMMANDS_INCOMPLETE in row.flags


class Cluster:
    """A Deployment whose pod takes a while to come and to go."""

    def __init__(self, refuses=None, takes=1.0):
        self.scaled, self.refuses, self.takes = [], refuses, takes
        self.since = asyncio.get_running_loop().time() - 100

    async def scale(self, namespace, name, replicas):
        if self.refuses:
            raise self.refuses
        self.scaled.append(replicas)
        self.since = asyncio.get_running_loop().time()

    async def get(self, namespace, name):
        return self

    async def pods(self, namespace, selector):
        there = bool(self.scaled and self.scaled[-1]) != (not self._settled())
        return {"agent-x": "starting"} if there else {}

    def _settled(self):
        return asyncio.get_running_loop().time() - self.since >= self.takes

    selector, settled = "app=agent", True

    @property
    def ready(self):
        return int(bool(self.scaled and self.scaled[-1]) and self._settled())


def with_workload(bench, **how):
    bench.cluster = Cluster(**how)
    bench.workload = Workload(bench.cluster, "agents", "a")
    return bench


async def test_the_agent_is_fresh_in_every_attempt_and_gone_afterwards(bench):
    source(with_workload(bench), opens=2, resolves=6)
    await bench.run(Script(heal_after=4), spec(**AGENT))
    assert bench.cluster.scaled == [0, 1, 0]
    assert not await bench.cluster.pods("agents", "")
    assert Step.START_AGENT in [current.step for current in bench.told]


async def test_in_a_baseline_it_is_kept_away(bench):
    await with_workload(bench).run(Script(), spec(observe_seconds=20))
    assert set(bench.cluster.scaled) == {0}


async def test_an_agent_that_does_not_come_is_no_failure_of_the_subject(bench):
    source(with_workload(bench, takes=1000))
    bench.cluster.pods = nobody
    outcome, row = await bench.run(Script(), spec(**AGENT | {"agent": {"source": "http", "startSeconds": 5}}))
    assert outcome is Outcome.INFRA_ERROR and bench.world.injected == []
    assert row.error.startswith("start_agent was not done within 5 s: the agent's pod of Deployment agents/a")


async def nobody(namespace, selector):
    return {}


async def test_a_deployment_that_may_not_be_scaled_is_named(bench):
    source(with_workload(bench, refuses=ClusterError(403, "may not patch deployments/scale")))
    outcome, row = await bench.run(Script(), spec(**AGENT))
    assert outcome is Outcome.INFRA_ERROR
    assert row.error.startswith("AgentNotStarted: Deployment agents/a: may not patch deployments/scale")
    assert bench.events(row)[-1].detail["failure"] == "AgentNotStarted"


async def test_an_abort_sends_the_agent_away_while_the_fault_is_undone(bench):
    source(with_workload(bench), opens=2)
    attempt = await bench.attempt(Script(heal_after=None), spec(**AGENT))
    running = asyncio.create_task(attempt.run(bench.stop))
    await asyncio.sleep(10)
    bench.stop.fire(Stop.ABORTED)
    assert await running is Outcome.ABORTED
    assert bench.cluster.scaled[-1] == 0 and bench.world.cleanups == 1
    assert (await bench.row()).ticket_seen_at is not None, "what was seen is kept"
