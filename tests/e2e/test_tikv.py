"""The subject that the mission is about: TiKV's stores and PD's members are broken, and every record is held against
what happened to the pods and what PD said meanwhile.

All campaigns run once, one after the other, and the tests read what they left.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from cluster import kubectl
from cluster.deployment import preloaded
from cluster.deployment.subjects.tikv.standin import NAME as standin_image
from tests.e2e.campaigns import IN_CONTROLLER, TIKV_SUBJECT, Campaigns
from tests.e2e.pd_timeline import Timeline, watching_pd
from tests.e2e.subject import History, Replaced, Swapped, image
from tests.e2e.systems import TIKV

KILL, DOWN, LEADER, ANEW = "tikv-kills", "tikv-downs", "pd-leader-kills", "tikv-anew"
TRIALS = {KILL: 3, DOWN: 2, LEADER: 1, ANEW: 1}
OUTCOME = {KILL: "SelfHealed", DOWN: "NotHealed", LEADER: "SelfHealed", ANEW: "SelfHealed"}
SCORED = ("SelfHealed", "NotHealed")


@dataclass
class Run:
    """What was left of it, by campaign name."""

    history: History
    timeline: Timeline
    rows: dict[str, list[Any]]
    stories: dict[str, list[Any]]
    objects: dict[str, Any]
    trouble: list[str]

    def injected(self, *names: str) -> list[Any]:
        """The attempts in which something was done, in the order in which it was."""
        rows = [row for name in names or TRIALS for row in self.rows[name] if row["chaos_injected_at"]]
        return sorted(rows, key=lambda row: str(row["chaos_injected_at"]))

    def scored(self, *names: str) -> list[Any]:
        """The attempts that count, whole."""
        return [story for name in names for story in self.stories[name] if story["outcome"] in SCORED]


@pytest.fixture(scope="module")
def run(campaigns: Campaigns) -> Iterator[Run]:
    TIKV.wait_until_healthy()
    most = {"leaders": "most"}
    with TIKV.watched() as history, watching_pd() as timeline:
        campaigns.apply(KILL, "node_kill", 3, 60, TIKV_SUBJECT, most, seed=4)
        # Long enough for PD to call a silent store Disconnected, which takes it 20 seconds.
        campaigns.apply(DOWN, "node_down", 2, 30, TIKV_SUBJECT, most, seed=4)
        campaigns.apply(LEADER, "pd_leader_kill", 1, 60, TIKV_SUBJECT, seed=4)
        campaigns.apply(ANEW, "node_kill", 1, 60, TIKV_SUBJECT, seed=4, reset="recreate")
        for name in TRIALS:
            campaigns.wait_finished(name)
        TIKV.wait_until_healthy()
        left = TIKV.trouble()
    rows = {name: campaigns.rows(name) for name in TRIALS}
    yield Run(
        history=history,
        timeline=timeline,
        rows=rows,
        stories={name: [campaigns.story(name, row) for row in rows[name]] for name in TRIALS},
        objects={name: campaigns.get(name) for name in TRIALS},
        trouble=left,
    )


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_ends_with_the_outcome_that_its_chaos_has(run: Run, name: str) -> None:
    scored = [(row["trial"], row["outcome"]) for row in run.rows[name] if row["outcome"] in SCORED]
    assert scored == [(trial, OUTCOME[name]) for trial in range(1, TRIALS[name] + 1)], run.rows[name]
    assert run.objects[name]["status"]["phase"] == "Complete"


def test_every_fault_replaced_its_target_exactly_once_and_no_other_pod_was_touched(run: Run) -> None:
    faults = [Replaced(row["target"], row["fault"]["targets"][0]["uid"]) for row in run.injected(KILL, DOWN, LEADER)]
    anew = {row["fault"]["targets"][0]["uid"] for row in run.injected(ANEW)}
    # Which campaign has its turn when is the queue's business: those applied in the same second go by name.
    begun = min(_time(row, "started_at") for row in run.rows[ANEW]).replace(microsecond=0)  # as Kubernetes keeps times
    ended = max(_time(row, "ended_at") for row in run.rows[ANEW])
    deleted = run.history.deletion_times
    replaced = [each for each in run.history.replaced if not begun <= deleted[each.uid] <= ended]
    assert replaced == faults
    # Making it anew takes every pod away, by scaling; then its one fault hits one of the new ones.
    assert anew <= {each.uid for each in run.history.replaced}


def test_node_down_swapped_its_targets_image_exactly_once_and_no_other_image_changed(run: Run) -> None:
    pause = preloaded.find().pause
    assert run.history.swapped == [
        Swapped(row["target"], row["fault"]["targets"][0]["uid"], pause) for row in run.injected(DOWN)
    ]


def test_the_record_says_how_many_regions_the_target_led_as_pd_said_it(run: Run) -> None:
    for row in run.injected(KILL, DOWN):
        facts, look = row["fault"]["targets"][0]["facts"], run.timeline.before(_time(row, "chaos_injected_at"))
        assert (facts["ledRegions"], facts["regions"]) == (look.leads[row["target"]], look.regions), row
        assert facts["ledRegions"] == max(look.leads.values())


def test_a_store_that_led_regions_cost_its_clients_service_until_others_led_them(run: Run) -> None:
    for row in run.scored(KILL, DOWN):
        lost, again = _time(row, "serving_lost_at"), _time(row, "serving_again_at")
        assert lost < again <= _time(row, "recovered_at") if row["recovered_at"] else lost < again
        after = run.timeline.between(again, _time(row, "ended_at"))
        assert not any(look.leads[row["target"]] for look in after[1:2]), row


def test_a_store_that_stayed_down_was_called_disconnected_by_pd_and_one_that_came_back_was_not(run: Run) -> None:
    for row in run.scored(DOWN):
        looks = run.timeline.between(_time(row, "chaos_injected_at"), _time(row, "ended_at"))
        assert "Disconnected" in {look.states.get(row["target"]) for look in looks}
    for row in run.scored(KILL):
        looks = run.timeline.between(_time(row, "chaos_injected_at"), _time(row, "ended_at"))
        assert {look.states.get(row["target"]) for look in looks} == {"Up"}


def test_pds_leader_was_the_target_and_another_led_afterwards(run: Run) -> None:
    for row in run.scored(LEADER):
        assert run.timeline.before(_time(row, "chaos_injected_at")).leader == row["target"]
        assert run.timeline.before(_time(row, "recovered_at")).leader != row["target"]
        assert row["fault"]["targets"][0]["facts"]["led"] is True


def test_clients_never_noticed_that_pds_leader_was_killed_and_no_store_was_called_dead(run: Run) -> None:
    for story in run.scored(LEADER):
        assert story["serving_lost_at"] is None
        verdicts = [event["detail"] for event in story["events"] if event["kind"] == "verdict"]
        reasons = {problem["reason"] for verdict in verdicts for problem in verdict["problems"]}
        assert not reasons & {"StoreDown", "StoreMissing", "RegionsUnled", "WritesFail"}


@pytest.mark.parametrize("name", TRIALS)
def test_states_before_and_after_were_captured_with_what_really_ran(run: Run, name: str) -> None:
    running = {name: image(pod) for name, pod in TIKV.pods().items()}
    for story in run.scored(name):
        before, after = story["initial_state"], story["final_state"]
        assert sorted(before["pods"]) == sorted(after["pods"]) == sorted(TIKV.members)
        assert before["pods"][story["target"]]["uid"] == story["fault"]["targets"][0]["uid"]
        assert before["probe"] == "write"
        for pod, state in before["pods"].items():
            assert running[pod] in state["images"].values()
        # A stand-in says so in its versions, though its image's name does not; a real one is none.
        standin = running["tikv-0"].startswith(f"{standin_image}:")
        assert all(("standin" in store["version"]) == standin for store in before["stores"].values())


def test_a_cluster_that_is_made_anew_is_another_one_with_the_same_regions(run: Run) -> None:
    (story,) = run.scored(ANEW)
    injected = run.timeline.before(_time(story, "chaos_injected_at"))
    earlier = run.timeline.before(min(_time(row, "started_at") for row in run.rows[ANEW]))
    assert injected.cluster_id != earlier.cluster_id
    assert injected.regions == earlier.regions > 1


def test_attempts_do_not_overlap(run: Run) -> None:
    rows = sorted((row for name in TRIALS for row in run.rows[name]), key=lambda row: str(row["started_at"]))
    for earlier, later in itertools.pairwise(rows):
        assert _time(earlier, "ended_at") <= _time(later, "started_at")


def test_show_tells_a_trial_as_a_story(run: Run, campaigns: Campaigns) -> None:
    row = run.scored(KILL)[0]
    which = ("--trial", str(row["trial"]), "--attempt", str(row["attempt"]))
    command = ("evalcampaign", "show", f"{campaigns.namespace}/{KILL}", *which)
    told = " ".join(kubectl.ask("reading a trial", *IN_CONTROLLER, *command).split())
    facts = row["fault"]["targets"][0]["facts"]
    led = f"which led {facts['ledRegions']} of {facts['regions']} regions"
    assert f"the pod of {row['target']} was deleted, {led}" in told
    assert "Clients were cut off at +" in told
    assert "The cluster was healthy again at +" in told


def test_afterwards_the_subject_is_healthy_and_clean(run: Run) -> None:
    assert run.trouble == []


def _time(row: Any, field: str) -> datetime:
    return datetime.fromisoformat(row[field])
