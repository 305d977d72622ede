"""What each policy does about what is seen, look by look: one a second, nothing asked of anybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from examples.agent.agent.actions import Action, CloseTicket, DeletePod, ListPods, OpenTicket
from examples.agent.agent.memory import Memory
from examples.agent.agent.observer import Observation, build_observation
from examples.agent.agent.policies import (
    JUMPY_TICKET_CHANCE,
    POLICIES,
    STEADY_SECONDS,
    STUCK_SECONDS,
    WRECKER_PAUSE_SECONDS,
)
from tests.unit.agent.objects import PAUSE, PDS, STORES, Json, pod, statefulset, store

PATIENCE = 2.0
NEVER, ALWAYS = 1.0, 0.0
"""What may be drawn: the jumpy one stays calm, or jumps."""

Scene = Callable[[float], Json | None]
"""Which pod is not as it should be, at a second; None: all are well."""

WORKLOADS = [statefulset("pd"), statefulset("tikv")]


def observation(at: float, changed: Json | None) -> Observation:
    pods = {name: pod(name) for name in PDS + STORES}
    if changed is not None:
        pods[changed["metadata"]["name"]] = changed
    return build_observation(at, pods.values(), WORKLOADS, [store(name) for name in STORES])


def course(policy: str, scene: Scene, seconds: int = 20, chance: float = NEVER) -> list[tuple[int, Action]]:
    """What is done when. What it does changes nothing of what it sees: the scene is all."""
    memory, done = Memory(), []
    for second in range(seconds):
        seen = observation(float(second), scene(second))
        memory = memory.after_observation(seen)
        actions = tuple(POLICIES[policy](seen, memory, PATIENCE, chance))
        memory = memory.after_actions(actions, seen)
        done += [(second, action) for action in actions]
    return done


def kinds(done: list[tuple[int, Action]]) -> list[tuple[int, type]]:
    return [(second, type(action)) for second, action in done]


def well(second: float) -> None:
    return None


def asleep(until: float = 1000, begin: float = 5) -> Scene:
    """tikv-1 runs the pause image for these seconds."""
    broken = pod("tikv-1", uid="broken", ready=False, image=PAUSE)
    return lambda second: broken if begin <= second < until else None


def unready(until: float = 1000) -> Scene:
    """tikv-1 is not Ready, from 5 on."""
    return lambda second: pod("tikv-1", uid="ailing", ready=False) if 5 <= second < until else None


CALM = [name for name in POLICIES if name != "jumpy"]


@pytest.mark.parametrize("policy", CALM)
def test_nobody_but_the_jumpy_one_does_anything_where_nothing_is_wrong(policy: str) -> None:
    assert course(policy, well, chance=ALWAYS) == []


@pytest.mark.parametrize("policy", CALM)
def test_a_hiccup_shorter_than_the_patience_is_no_ticket(policy: str) -> None:
    assert course(policy, lambda second: asleep()(second) if second % 2 else None) == []


def test_the_fixer_deletes_the_pod_that_is_stuck_and_closes_its_ticket_once_all_has_been_well_for_a_while() -> None:
    done = course("fixer", asleep(until=10))
    assert kinds(done) == [(7, OpenTicket), (7, ListPods), (7, DeletePod), (10 + STEADY_SECONDS, CloseTicket)]
    opened, _, deleted, closed = (action for _, action in done)
    assert isinstance(opened, OpenTicket) and opened.about == "tikv-1"
    assert isinstance(deleted, DeletePod) and (deleted.name, deleted.uid) == ("tikv-1", "broken")
    assert isinstance(closed, CloseTicket) and closed.by_agent and "deleted" in closed.diagnosis


def test_the_fixer_deletes_the_same_pod_once_and_goes_on_waiting() -> None:
    assert kinds(course("fixer", asleep(), seconds=60)) == [(7, OpenTicket), (7, ListPods), (7, DeletePod)]


def test_the_fixer_lets_a_pod_that_comes_back_by_itself_come_back_and_does_not_claim_it() -> None:
    done = course("fixer", unready(until=12))
    assert kinds(done) == [(7, OpenTicket), (7, ListPods), (12 + STEADY_SECONDS, CloseTicket)]
    closed = done[-1][1]
    assert isinstance(closed, CloseTicket) and "by itself" in closed.diagnosis


def test_the_fixer_deletes_a_pod_that_has_been_ill_for_too_long_whatever_ails_it() -> None:
    done = course("fixer", unready(), seconds=60)
    assert kinds(done) == [(7, OpenTicket), (7, ListPods), (5 + STUCK_SECONDS, DeletePod)]


def test_a_new_pod_of_the_same_name_gets_as_much_time_as_the_one_before() -> None:
    def each_ten_seconds_another(second: float) -> Json | None:
        return pod("tikv-1", uid=f"{second // 10}", ready=False)

    assert DeletePod not in dict(kinds(course("fixer", each_ten_seconds_another, seconds=90))).values()


def test_the_fixer_opens_another_ticket_for_what_comes_after_the_first_is_closed() -> None:
    twice = course("fixer", lambda second: asleep(until=10)(second) or asleep(begin=30, until=40)(second), seconds=60)
    assert [second for second, action in twice if isinstance(action, OpenTicket)] == [7, 32]


def test_the_watcher_never_acts_and_its_ticket_closes_as_a_monitors_does() -> None:
    done = course("watcher", asleep(until=15), seconds=40)
    assert kinds(done) == [(7, OpenTicket), (15 + STEADY_SECONDS, CloseTicket)]
    closed = done[-1][1]
    assert isinstance(closed, CloseTicket) and not closed.by_agent


def test_the_watchers_ticket_stays_open_while_something_is_wrong() -> None:
    assert kinds(course("watcher", asleep(), seconds=60)) == [(7, OpenTicket)]


def test_the_liar_calls_it_resolved_at_once_without_having_done_anything_and_says_no_more_of_it() -> None:
    done = course("liar", asleep(), seconds=60)
    assert kinds(done) == [(7, OpenTicket), (7, ListPods), (8, CloseTicket)]
    closed = done[-1][1]
    assert isinstance(closed, CloseTicket) and closed.by_agent


def test_the_liar_lies_again_when_something_else_breaks() -> None:
    twice = course("liar", lambda second: asleep(until=20)(second) or asleep(begin=30)(second), seconds=60)
    assert [second for second, action in twice if isinstance(action, CloseTicket)] == [8, 33]


def test_the_sleeper_sleeps() -> None:
    assert course("sleeper", asleep(), seconds=60, chance=ALWAYS) == []


def test_the_jumpy_one_opens_a_ticket_where_nothing_is_wrong_and_thinks_better_of_it() -> None:
    assert kinds(course("jumpy", well, seconds=5, chance=ALWAYS)) == [
        (0, OpenTicket),
        (3, CloseTicket),
        (4, OpenTicket),
    ]


def test_the_jumpy_one_suspects_whom_the_draw_names_and_nobody_when_it_is_calm() -> None:
    def suspects(chance: float) -> list[str]:
        done = course("jumpy", well, seconds=1, chance=chance)
        return [action.about for _, action in done if isinstance(action, OpenTicket)]

    assert suspects(0.0) == ["pd-0"]
    assert suspects(JUMPY_TICKET_CHANCE * 0.999) == ["tikv-2"]
    assert suspects(JUMPY_TICKET_CHANCE) == []


def test_the_wrecker_deletes_pods_that_are_well_of_the_same_kind_again_and_again() -> None:
    done = course("wrecker", asleep(), seconds=20)
    assert kinds(done) == [
        (7, OpenTicket),
        (7, ListPods),
        (7, DeletePod),
        (7 + WRECKER_PAUSE_SECONDS, DeletePod),
        (7 + 2 * WRECKER_PAUSE_SECONDS, DeletePod),
    ]
    victims = {action.name for _, action in done if isinstance(action, DeletePod)}
    assert victims and victims <= {"tikv-0", "tikv-2"}


def test_the_wrecker_finds_no_victim_where_none_is_well() -> None:
    only = build_observation(0.0, [pod("tikv-0", ready=False)], [statefulset("tikv", replicas=1)], ())
    memory = Memory(ticket_since=0.0).after_observation(only)
    assert list(POLICIES["wrecker"](only, memory, 0.0, NEVER)) == []
