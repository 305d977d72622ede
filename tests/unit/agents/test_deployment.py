"""Was the agent there throughout, and if not, whose doing was it: a fold over looks at its Deployment and pods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.agents.deployment import AgentDeployment, AgentState, AgentWatcher, update_state
from controller.kube.deployments import AgentPod, Deployment
from subjects.cluster import ClusterError, ClusterUnreachable

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
POD = AgentPod("agent-x", "p", ready=True, images=(("agent", "agent:1"),))
ONE = Deployment("a", "d", "app=a", replicas=1, ready=1, settled=True)
NONE = replace(ONE, replicas=0, ready=0)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def after(*looks: tuple[Deployment, list[AgentPod]], pod: AgentPod | None = POD) -> AgentState:
    """Fold looks, a second apart: pairs of a Deployment and its pods."""
    seen = AgentState(pod, START, exits=pod.exits if pod else 0)
    for second, (deployment, pods) in enumerate(looks, start=1):
        seen = update_state(seen, at(second), deployment, pods)
    return seen


def test_one_that_stays_is_known_to_have_been_there() -> None:
    seen = after((ONE, [POD]), (ONE, [POD]))
    assert (seen.lost, seen.exited, seen.seen_at) == (None, None, at(2))


@pytest.mark.parametrize(
    ("deployment", "pods", "how"),
    [
        (None, [], "the Deployment is gone"),
        (NONE, [], "somebody scaled the Deployment to 0"),
        (NONE, [POD], "somebody scaled the Deployment to 0"),
        (replace(ONE, replicas=2), [POD], "somebody scaled the Deployment to 2"),
        (ONE, [], "pod agent-x is gone"),
        (ONE, [replace(POD, name="agent-y", uid="q")], "pod agent-x is gone"),
        (ONE, [replace(POD, disrupted="it was deleted")], "pod agent-x: it was deleted"),
        (ONE, [replace(POD, images=(("agent", "pause"),))], "pod agent-x: somebody changed its images"),
        (ONE, [POD, replace(POD, name="agent-y", uid="q")], "pod agent-y runs beside agent-x"),
    ],
)
def test_what_others_do_loses_it_and_what_comes_later_does_not_bring_it_back(
    deployment: Deployment | None, pods: list[AgentPod], how: str
) -> None:
    seen = after((ONE, [POD]), (deployment, pods), (ONE, [POD]))
    assert (seen.lost, seen.seen_at, seen.exited) == (how, at(1), None)


def test_one_that_was_evicted_long_ago_runs_beside_nobody() -> None:
    assert after((ONE, [POD, replace(POD, name="old", uid="q", finished=True, disrupted="Evicted")])).lost is None


def test_an_exit_of_its_own_is_noted_once_and_it_is_watched_on() -> None:
    first, second = replace(POD, exits=1, last_exit="with 1"), replace(POD, exits=2, last_exit="with 2")
    seen = after((ONE, [POD]), (ONE, [first]), (ONE, [second]), (ONE, [second]))
    assert (seen.lost, seen.exited, seen.seen_at) == (None, "with 1", at(4))
    assert after((ONE, [first]), (NONE, [])).lost is not None


def test_restarts_from_before_it_was_ready_are_none_of_the_attempts() -> None:
    restarted = replace(POD, exits=3, last_exit="long ago")
    assert after((ONE, [restarted]), pod=restarted).exited is None


def test_evicted_for_its_own_limit_it_has_ended_itself_and_so_has_what_takes_its_place() -> None:
    evicted = replace(POD, finished=True, evicted_itself=True, exits=1, last_exit="too much disk")
    again = replace(POD, name="agent-y", uid="q")
    seen = after((ONE, [evicted, again]), (ONE, [again]))
    assert (seen.lost, seen.exited) == (None, "too much disk")
    assert after((ONE, [evicted]), (NONE, [])).lost == "somebody scaled the Deployment to 0"


@pytest.mark.parametrize(("deployment", "pods", "there"), [(NONE, [], False), (ONE, [], True), (NONE, [POD], True)])
def test_where_there_should_be_none_one_that_is_there_is_noted(
    deployment: Deployment, pods: list[AgentPod], there: bool
) -> None:
    seen = after((NONE, []), (deployment, pods), pod=None)
    assert seen.lost is None and (seen.intruder is not None) is there


class Away:
    """A Deployment of an API server that has moods."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def get(self, namespace: str, name: str) -> Deployment:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pods(self, namespace: str, deployment: Deployment) -> list[AgentPod]:
        return [POD]


@pytest.mark.parametrize("mood", [ClusterUnreachable("it does not answer"), ClusterError(403, "may not get")])
async def test_where_nobody_answers_it_is_neither_lost_nor_there(mood: ClusterError | ClusterUnreachable) -> None:
    watcher = AgentWatcher(AgentDeployment(Away(mood, ONE), "agents", "a"), POD, lambda: at(7))  # type: ignore[arg-type]
    before = watcher.state.seen_at
    await watcher.check()
    assert watcher.state.lost is None and watcher.state.error is not None
    assert watcher.state.seen_at == before
    await watcher.check()
    assert (watcher.state.lost, watcher.state.error) == (None, None)


async def test_where_there_is_no_deployment_any_more_it_is_lost() -> None:
    watcher = AgentWatcher(AgentDeployment(Away(ClusterError(404, "not found")), "agents", "a"), POD, lambda: at(7))  # type: ignore[arg-type]
    await watcher.check()
    assert watcher.state.lost == "the Deployment is gone"
