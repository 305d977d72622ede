"""An attempt with an agent: it is started, looked at and sent away, and the row says what it did and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bench.scripted import Script
from controller.agents.deployment import AgentDeployment
from controller.agents.protocol import AgentUnreadable, Command, CommandLog, Cursor, PollResult, Reasoning, Ticket
from controller.api import Mode, Outcome, Step
from controller.attempt.attempt import quiet_seconds, trial_seed
from controller.attempt.outcome import StopReason
from controller.kube.deployments import AgentPod, Deployment
from controller.records.rows import Flag
from subjects.cluster import ClusterError, ClusterUnreachable
from tests.unit.attempt.conftest import spec

AGENT = {"mode": Mode.AGENT, "observe_seconds": 20, "agent": {"source": "http"}, "confirm_seconds": 5}
DELETE = Command(None, "s", "shell", "kubectl delete pod m-1", 0, mutating=True, destructive=True, reason="deletes")
GET = Command(None, "s", "shell", "kubectl get pods", 0, mutating=False, destructive=False, reason="reads")


class ScriptedAgent:
    """A source that shows what an agent does so many seconds after the cursor was taken."""

    def __init__(
        self, now: Any, opens: Any = None, resolves: Any = None, commands: Any = (), trouble: Any = None
    ) -> None:
        self.now = now
        self.opens, self.resolves = opens, resolves
        self.log = CommandLog(tuple(commands), reasoning=(Reasoning(None, "s", "m-1 is stuck", after=1),))
        self.trouble = trouble or (lambda passed: None)

    async def current_cursor(self) -> Any:
        self.marked = self.now()
        return Cursor(self.marked, ticket=1)

    async def poll(self, cursor: Any) -> Any:
        assert cursor.ticket == 1, "what was there before is no news"
        passed = (self.now() - cursor.at).total_seconds()
        if why := self.trouble(passed):
            return PollResult(self.now(), error=why)
        if self.opens is None or passed < self.opens:
            return PollResult(self.now())
        done = self.resolves is not None and passed >= self.resolves
        return PollResult(self.now(), (Ticket(2, "t", message="m-1 is down", opened_at=self.now(), resolved=done),))

    async def read_commands(self, cursor: Any, tickets: Any) -> Any:
        if not tickets:
            return CommandLog()
        return self.log

    async def close(self) -> None:
        pass


def source(bench: Any, **does: Any) -> Any:
    bench.source = ScriptedAgent(bench.clock.now, **does)
    return bench


async def test_a_fixer_resolves_and_its_times_and_commands_are_on_record(bench: Any) -> None:
    source(bench, opens=2, resolves=6, commands=[GET, DELETE])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED and row.flags == []
    assert 2 <= row.time_to_detect < 2.6 and 6 <= row.time_to_resolve < 6.6 and 4 <= row.time_to_recover < 4.1
    assert [command["command"] for command in row.commands] == ["kubectl get pods", "kubectl delete pod m-1"]
    assert row.reasoning == [{"at": None, "session": "s", "text": "m-1 is stuck", "after": 1}]
    assert (row.commands_total, row.commands_unique, row.commands_mutating, row.commands_destructive) == (2, 2, 1, 1)
    assert row.agent_mark["ticket"] == 1
    assert row.ended_at < row.deadline_at, "nothing more was to be seen"


async def test_a_resolution_without_a_deed_is_flagged(bench: Any) -> None:
    source(bench, opens=2, resolves=6, commands=[GET])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED and row.flags == [Flag.NO_MUTATING_COMMAND]


async def test_a_liar_is_found_out(bench: Any) -> None:
    source(bench, opens=2, resolves=3)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.FALSE_RESOLUTION
    assert row.time_to_detect and row.time_to_resolve and row.recovered_at is None


async def test_a_watchers_detection_is_kept_though_the_time_ran_out(bench: Any) -> None:
    source(bench, opens=2)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.DETECTED_UNRESOLVED
    assert 2 <= row.time_to_detect < 2.6 and row.resolved_at is None


async def test_a_ticket_that_was_there_before_ends_nothing(bench: Any) -> None:
    source(bench)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.UNDETECTED
    assert row.ticket_seen_at is None and row.commands == []


async def test_what_heals_before_anybody_noticed_has_healed_itself(bench: Any) -> None:
    source(bench, opens=8, resolves=9)
    outcome, row = await bench.run(Script(heal_after=1), spec(**AGENT))
    assert outcome is Outcome.SELF_HEALED and row.ticket_seen_at is None


async def test_where_no_agent_is_looked_at_nothing_is_known_of_its_commands(bench: Any) -> None:
    _, row = await bench.run(Script(heal_after=1), spec(observe_seconds=20))
    assert row.commands is None and row.flags == []


async def test_a_ticket_in_a_baseline_contaminates_it(bench: Any) -> None:
    source(bench, opens=1)
    outcome, row = await bench.run(Script(heal_after=4), spec(observe_seconds=20, agent={"source": "http"}))
    assert outcome is Outcome.SELF_HEALED and row.flags == [Flag.CONTAMINATED]


@pytest.mark.parametrize(("opens", "expected"), [(None, Outcome.QUIET), (3, Outcome.FALSE_ALARM)])
async def test_a_control_breaks_nothing_and_waits_for_false_alarms(bench: Any, opens: Any, expected: Any) -> None:
    source(bench, opens=opens)
    outcome, row = await bench.run(Script(), spec(**AGENT | {"mode": Mode.CONTROL}))
    assert outcome is expected and bench.world.injected == [] and bench.world.cleanups == 0
    assert row.chaos_injected_at is None and row.fault is None
    assert (row.deadline_at - row.window_started_at).total_seconds() == 20
    assert row.ended_at >= row.deadline_at


async def test_whether_there_was_a_ticket_must_have_been_seen_at_the_end(bench: Any) -> None:
    source(bench, trouble=lambda passed: "operator.db is locked" if passed > 5 else None)
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT | {"deadlines": {"captureSeconds": 3}}))
    assert outcome is Outcome.INFRA_ERROR
    assert row.error == "AgentSightLost: operator.db is locked"
    assert bench.events(row)[-1].detail["failure"] == "AgentSightLost"
    assert bench.world.cleanups == 1


@pytest.mark.parametrize(("opens", "expected"), [(None, Outcome.SELF_HEALED), (2, Outcome.DETECTED_UNRESOLVED)])
async def test_a_recovery_that_was_seen_counts_though_the_agent_could_not_be_read_in_the_end(
    bench: Any, opens: Any, expected: Any
) -> None:
    source(bench, opens=opens, trouble=lambda passed: "operator.db is locked" if passed > 3 else None)
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT | {"deadlines": {"captureSeconds": 3}}))
    assert outcome is expected and 4 <= row.time_to_recover < 4.1
    assert Flag.AGENT_SIGHT_LOST in row.flags
    assert bench.world.cleanups == 1


async def test_a_source_that_cannot_be_read_before_the_injection_keeps_it_from_coming(bench: Any) -> None:
    source(bench)

    async def unreadable() -> None:
        raise AgentUnreadable("operator.db is no database")

    bench.source.current_cursor = unreadable
    outcome, row = await bench.run(Script(), spec(**AGENT | {"deadlines": {"inject_seconds": 3}}))
    assert outcome is Outcome.INFRA_ERROR and bench.world.injected == []
    assert row.error == "inject was not done within 3 s: operator.db is no database"


async def test_commands_that_cannot_be_read_are_said_to_be_missing_and_the_attempt_counts(bench: Any) -> None:
    source(bench, opens=2, resolves=6)

    async def unreadable(cursor: Any, tickets: Any) -> None:
        raise AgentUnreadable("operator.db is locked")

    bench.source.read_commands = unreadable
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED
    assert Flag.COMMANDS_INCOMPLETE in row.flags


class Cluster:
    """A Deployment whose pod takes a while to come and to go. `happens`: what befalls it, by seconds Ready."""

    def __init__(self, refuses: Any = None, takes: float = 1.0, happens: Any = None) -> None:
        self.scaled, self.refuses, self.takes = [], refuses, takes  # type: ignore[var-annotated]
        self.happens = happens or (lambda passed, deployment, pods: (deployment, pods))
        self.since = self._now() - 100
        self.lives = 0

    @staticmethod
    def _now() -> Any:
        return asyncio.get_running_loop().time()

    async def scale(self, namespace: Any, name: Any, replicas: Any) -> None:
        if self.refuses:
            raise self.refuses
        self.lives += replicas
        self.scaled.append(replicas)
        self.since = self._now()

    async def get(self, namespace: Any, name: Any) -> Any:
        return self._look()[0]

    async def pods(self, namespace: Any, deployment: Any) -> Any:
        return self._look()[1]

    def _look(self) -> Any:
        wanted, passed = bool(self.scaled and self.scaled[-1]), self._now() - self.since - self.takes
        settled = passed >= 0
        deployment = Deployment(name="a", uid="d", selector="", replicas=int(wanted), ready=0, settled=True)
        there = wanted or (not settled and bool(self.lives))
        pods = (
            [AgentPod(f"agent-{self.lives}", f"uid-{self.lives}", ready=settled, pending_reason="starting")]
            if there
            else []
        )
        deployment = replace(deployment, ready=int(wanted and settled))
        return self.happens(passed, deployment, pods) if wanted and settled else (deployment, pods)


def with_workload(bench: Any, **how: Any) -> Any:
    bench.cluster = Cluster(**how)
    bench.workload = AgentDeployment(bench.cluster, "agents", "a")
    return bench


async def test_the_agent_is_fresh_in_every_attempt_and_gone_afterwards(bench: Any) -> None:
    source(with_workload(bench), opens=2, resolves=6)
    await bench.run(Script(heal_after=4), spec(**AGENT))
    assert bench.cluster.scaled == [0, 1, 0]
    assert not await bench.cluster.pods("agents", None)
    assert Step.START_AGENT in [current.step for current in bench.told]


async def test_in_a_baseline_it_is_kept_away(bench: Any) -> None:
    await with_workload(bench).run(Script(), spec(observe_seconds=20))
    assert set(bench.cluster.scaled) == {0}


async def test_an_agent_that_does_not_come_is_no_failure_of_the_subject(bench: Any) -> None:
    source(with_workload(bench, takes=1000))
    bench.cluster.pods = nobody
    outcome, row = await bench.run(Script(), spec(**AGENT | {"agent": {"source": "http", "startSeconds": 5}}))
    assert outcome is Outcome.INFRA_ERROR and bench.world.injected == []
    assert row.error.startswith("start_agent was not done within 5 s: the agent's pod of Deployment agents/a")


async def nobody(namespace: Any, deployment: Any) -> Any:
    return []


async def test_a_deployment_that_may_not_be_scaled_is_named(bench: Any) -> None:
    source(with_workload(bench, refuses=ClusterError(403, "may not patch deployments/scale")))
    outcome, row = await bench.run(Script(), spec(**AGENT))
    assert outcome is Outcome.INFRA_ERROR
    assert row.error.startswith("AgentNotStarted: Deployment agents/a: may not patch deployments/scale")
    assert bench.events(row)[-1].detail["failure"] == "AgentNotStarted"


async def test_an_abort_sends_the_agent_away_while_the_fault_is_undone(bench: Any) -> None:
    source(with_workload(bench), opens=2)
    attempt = await bench.attempt(Script(heal_after=None), spec(**AGENT))
    running = asyncio.create_task(attempt.run(bench.stop))
    await asyncio.sleep(10)
    bench.stop.fire(StopReason.ABORTED)
    assert await running is Outcome.ABORTED
    assert bench.cluster.scaled[-1] == 0 and bench.world.cleanups == 1
    assert (await bench.row()).ticket_seen_at is not None, "what was seen is kept"


# The agent's pod ----------------------------------------------------------------------------------------------------


def others_do(second: Any, what: Any) -> Any:
    """From so many seconds after Ready, `what` happens to its one pod."""
    return lambda passed, deployment, pods: (deployment, what(pods) if passed >= second else pods)


def taken(pods: Any) -> Any:
    return [replace(pod, disrupted="Evicted: The node was low on resource: memory.") for pod in pods]


def exits(pods: Any) -> Any:
    return [replace(pod, exits=1, last_exit="container agent ended with exit code 1 (Error)") for pod in pods]


def scaled_to_none(second: Any) -> Any:
    def happens(passed: Any, deployment: Any, pods: Any) -> Any:
        return (replace(deployment, replicas=0), []) if passed >= second else (deployment, pods)

    return happens


@pytest.mark.parametrize(
    ("happens", "how"),
    [
        (others_do(5, taken), "pod agent-1: Evicted: The node was low on resource: memory."),
        (others_do(5, lambda pods: []), "pod agent-1 is gone"),
        (scaled_to_none(5), "somebody scaled the Deployment to 0"),
    ],
)
async def test_an_agent_that_others_end_while_it_is_watched_is_not_scored(bench: Any, happens: Any, how: Any) -> None:
    source(with_workload(bench, happens=happens))
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.INFRA_ERROR and row.error == f"AgentLost: Deployment agents/a: {how}"
    assert bench.events(row)[-1].detail["failure"] == "AgentLost"
    assert (row.ended_at - row.chaos_injected_at).total_seconds() < 10, "nothing more is to be learned"
    assert bench.world.cleanups == 1


async def test_nothing_is_broken_for_an_agent_that_is_gone_before_the_injection(bench: Any) -> None:
    source(with_workload(bench, happens=others_do(3, taken)))
    outcome, row = await bench.run(Script(), spec(**AGENT | {"quiet_period": {"min_seconds": 9, "max_seconds": 9}}))
    assert outcome is Outcome.INFRA_ERROR and row.error.startswith("AgentLost: ")
    assert bench.world.injected == []


async def test_an_agent_that_ends_by_itself_is_scored_as_it_stands_and_flagged(bench: Any) -> None:
    source(with_workload(bench, happens=others_do(5, exits)))
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.UNDETECTED and row.flags == [Flag.AGENT_EXITED]
    (noted,) = [event for event in bench.events(row) if event.kind == "agent_exited"]
    assert noted.detail == {"how": "container agent ended with exit code 1 (Error)"}
    assert row.ended_at >= row.deadline_at


async def test_what_was_observed_to_its_end_before_the_agent_was_lost_is_scored(bench: Any) -> None:
    source(with_workload(bench, happens=others_do(9, taken)), opens=2, resolves=6, commands=[DELETE])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT))
    assert outcome is Outcome.RESOLVED and row.flags == []


def away_from(second: Any, until: float = 1000.0) -> Any:
    """The API server does not answer in between."""

    def happens(passed: Any, deployment: Any, pods: Any) -> Any:
        if second <= passed < until:
            raise ClusterUnreachable("the API server does not answer")
        return deployment, pods

    return happens


async def test_an_api_server_that_was_away_in_between_has_lost_nothing(bench: Any) -> None:
    source(with_workload(bench, happens=away_from(3, until=15)))
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT))
    assert outcome is Outcome.UNDETECTED and row.flags == []


async def test_whether_it_was_there_to_the_end_must_be_known(bench: Any) -> None:
    source(with_workload(bench, happens=away_from(3)))
    outcome, row = await bench.run(Script(heal_after=None), spec(**AGENT | {"deadlines": {"captureSeconds": 3}}))
    assert outcome is Outcome.INFRA_ERROR
    assert row.error.startswith("AgentSightLost: the API server does not answer")


async def test_a_pod_in_a_baseline_contaminates_it(bench: Any) -> None:
    with_workload(bench)
    look = bench.cluster.pods

    async def somebody(namespace: Any, deployment: Any) -> Any:
        pods = await look(namespace, deployment)
        return [*pods, AgentPod("agent-9", "uid-9")] if bench.world.hurt else pods

    bench.cluster.pods = somebody
    outcome, row = await bench.run(Script(heal_after=4), spec(observe_seconds=20))
    assert outcome is Outcome.SELF_HEALED and row.flags == [Flag.CONTAMINATED]


# The quiet period ----------------------------------------------------------------------------------------------------

QUIET = {"quiet_period": {"min_seconds": 6, "max_seconds": 6}}


async def test_a_ticket_in_the_quiet_period_is_a_false_alarm_and_the_attempt_goes_on(bench: Any) -> None:
    source(bench, opens=2, resolves=8)
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT | QUIET))
    assert outcome is Outcome.SELF_HEALED and row.false_alarms == 1
    assert row.ticket_seen_at is None and row.resolution_seen_at is None
    assert row.flags == [Flag.TICKET_BEFORE_INJECTION]


async def test_a_ticket_after_it_detects_as_ever(bench: Any) -> None:
    source(bench, opens=8, resolves=12, commands=[DELETE])
    outcome, row = await bench.run(Script(heal_after=4), spec(**AGENT | QUIET))
    assert outcome is Outcome.RESOLVED and row.false_alarms == 0 and row.flags == []
    assert 1.5 <= row.time_to_detect <= 3


async def test_in_a_control_likewise(bench: Any) -> None:
    source(bench, opens=2)
    outcome, row = await bench.run(Script(), spec(**AGENT | QUIET | {"mode": Mode.CONTROL}))
    assert outcome is Outcome.QUIET and row.false_alarms == 1


async def test_where_nobody_is_looked_at_there_is_no_number_of_false_alarms_and_the_wait_is_the_same(
    bench: Any,
) -> None:
    _, row = await bench.run(Script(heal_after=1), spec(observe_seconds=20, **QUIET))
    assert row.false_alarms is None
    entered = {event.step: event.at for event in bench.events(row) if event.kind == "step"}
    assert (row.chaos_injected_at - entered[Step.QUIET_PERIOD]).total_seconds() >= 6
    assert Step.QUIET_PERIOD in [current.step for current in bench.told]


async def test_a_subject_that_is_not_healthy_at_the_end_of_the_quiet_period_is_waited_for(bench: Any) -> None:
    asked = spec(observe_seconds=20, **QUIET)
    attempt = await bench.attempt(Script(heal_after=1), asked)
    running = asyncio.create_task(attempt.run(bench.stop))
    await asyncio.sleep(4)
    assert bench.world.injected == []
    bench.world.hurt = True
    await asyncio.sleep(6)
    assert bench.world.injected == [], "it is never broken further"
    bench.world.hurt = False
    assert await running is Outcome.SELF_HEALED


def test_the_length_is_the_trials_alone_and_of_a_stream_of_its_own() -> None:
    asked = spec(quiet_period={"min_seconds": 2, "max_seconds": 15})
    lengths = [quiet_seconds(asked, trial_seed(7, trial)) for trial in range(1, 200)]
    assert lengths == [quiet_seconds(asked, trial_seed(7, trial)) for trial in range(1, 200)]
    assert all(2 <= length <= 15 for length in lengths) and len(set(lengths)) == len(lengths)
    assert 7 < sum(lengths) / len(lengths) < 10
    assert quiet_seconds(spec(), trial_seed(7, 1)) == 0
    assert [round(length, 3) for length in lengths[:3]] == [7.587, 9.368, 2.822], "the same on every machine, for ever"
