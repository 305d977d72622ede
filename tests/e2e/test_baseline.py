"""The main job: two campaigns on a real etcd, and everything that tells of them agrees with what happened to its pods.

Both are applied at once, and all tests read the same run. An attempt in which we lost sight of the subject for too long
(a busy machine) is run again by design; such attempts have rows too and must be as true as the others.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from cluster import kubectl
from cluster.deployment import preloaded
from tests.e2e.campaigns import Campaigns
from tests.e2e.subject import History, Replaced, Swapped
from tests.e2e.systems import ETCD

KILL, DOWN = "kills", "downs"
TRIALS = {KILL: 3, DOWN: 2}
OUTCOME = {KILL: "SelfHealed", DOWN: "NotHealed"}
RECOVERED = {KILL: 3, DOWN: 0}
SCORED = ("SelfHealed", "NotHealed")


@dataclass
class Run:
    """What was left of it, by campaign name."""

    history: History
    rows: dict[str, list[Any]]
    stories: dict[str, list[Any]]
    objects: dict[str, Any]
    events: dict[str, list[Any]]
    columns: dict[str, list[str]]
    trouble: list[str]
    """What was wrong with the etcd when the last campaign had finished."""

    def injected(self, *names: str) -> list[Any]:
        """The attempts in which something was done, in the order in which it was."""
        rows = [row for name in names or TRIALS for row in self.rows[name] if row["chaos_injected_at"]]
        return sorted(rows, key=lambda row: str(row["chaos_injected_at"]))


@pytest.fixture(scope="module")
def run(campaigns: Campaigns) -> Iterator[Run]:
    ETCD.wait_until_healthy()
    with ETCD.watched() as history:
        campaigns.apply(KILL, "node_kill", TRIALS[KILL], observe_seconds=60, seed=4)
        campaigns.apply(DOWN, "node_down", TRIALS[DOWN], observe_seconds=8, seed=4)
        for name in TRIALS:
            campaigns.wait_finished(name)
        ETCD.wait_until_healthy()
        left = ETCD.trouble()
    rows = {name: campaigns.rows(name) for name in TRIALS}
    yield Run(
        history=history,
        rows=rows,
        stories={name: [campaigns.story(name, row) for row in rows[name]] for name in TRIALS},
        objects={name: campaigns.get(name) for name in TRIALS},
        events={name: campaigns.events(name) for name in TRIALS},
        columns={name: _columns(campaigns.namespace, name) for name in TRIALS},
        trouble=left,
    )


def _columns(namespace: str, name: str) -> list[str]:
    """A line of `kubectl get` as a person sees it; `3/3 (100%)` is one column of two words."""
    line = kubectl.ask("listing", "-n", namespace, "get", "evalcampaign", name, "--no-headers")
    return line.split()


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_ends_with_the_outcome_that_its_chaos_has(run: Run, name: str) -> None:
    scored = [(row["trial"], row["outcome"]) for row in run.rows[name] if row["outcome"] in SCORED]
    assert scored == [(trial, OUTCOME[name]) for trial in range(1, TRIALS[name] + 1)]
    assert {row["outcome"] for row in run.rows[name]} <= {OUTCOME[name], "InfraError"}


def test_every_fault_replaced_its_target_exactly_once_and_no_other_pod_was_touched(run: Run) -> None:
    # node_kill's target by the fault itself, node_down's by its cleanup.
    faults = [Replaced(row["target"], row["fault"]["targets"][0]["uid"]) for row in run.injected()]
    assert run.history.replaced == faults


def test_node_down_swapped_its_targets_image_exactly_once_and_no_other_image_changed(run: Run) -> None:
    pause = preloaded.find().pause
    faults = [Swapped(row["target"], row["fault"]["targets"][0]["uid"], pause) for row in run.injected(DOWN)]
    assert run.history.swapped == faults


def test_the_target_went_while_its_attempt_ran(run: Run) -> None:
    for row in run.injected():
        # Kubernetes keeps whole seconds.
        asked = run.history.deletion_times[row["fault"]["targets"][0]["uid"]]
        assert _time(row, "chaos_injected_at") - timedelta(seconds=1) <= asked <= _time(row, "ended_at"), row


def test_the_times_of_every_attempt_are_in_order(run: Run) -> None:
    order = ("started_at", "chaos_injected_at", "manifested_at", "recovered_at", "ended_at")
    for row in run.injected():
        times = [_time(row, field) for field in order if row[field]]
        assert times == sorted(times), row
        assert row["manifested_at"], row
        assert (row["recovered_at"] is not None) == (row["outcome"] == "SelfHealed"), row


def test_attempts_do_not_overlap(run: Run) -> None:
    rows = sorted((row for name in TRIALS for row in run.rows[name]), key=lambda row: str(row["started_at"]))
    for earlier, later in itertools.pairwise(rows):
        assert _time(earlier, "ended_at") <= _time(later, "started_at")


@pytest.mark.parametrize("name", TRIALS)
def test_states_before_and_after_were_captured(run: Run, name: str) -> None:
    for story in run.stories[name]:
        if story["outcome"] not in SCORED:
            continue
        target, fault = story["target"], story["fault"]
        before, after = story["initial_state"], story["final_state"]
        assert sorted(before["pods"]) == sorted(after["pods"]) == list(ETCD.members)
        assert all(member["healthy"] for member in before["members"].values())
        assert before["leader"] in ETCD.members
        assert before["pods"][target]["uid"] == fault["targets"][0]["uid"]
        # What the fault did is in the state that was captured before it was undone.
        if name == KILL:
            assert after["pods"][target]["uid"] != fault["targets"][0]["uid"]
        else:
            assert after["pods"][target]["images"]["etcd"] == fault["undo"]["pauseImage"]
            assert not after["pods"][target]["ready"]


@pytest.mark.parametrize("name", TRIALS)
def test_the_seed_decides_who_is_hit(run: Run, name: str) -> None:
    targets: dict[Any, Any] = {}
    for row in run.rows[name]:
        if row["target"]:
            assert targets.setdefault(row["trial"], row["target"]) == row["target"]
    other = KILL if name == DOWN else DOWN
    for row in run.rows[other]:  # the same seed, another chaos
        assert targets.get(row["trial"], row["target"]) == row["target"]


@pytest.mark.parametrize("name", TRIALS)
def test_rows_and_status_and_columns_agree(run: Run, name: str) -> None:
    status, rows = run.objects[name]["status"], run.rows[name]
    recovered = RECOVERED[name]
    share = f"{recovered}/{TRIALS[name]} ({recovered / TRIALS[name]:.0%})"
    assert status["phase"] == "Complete"
    assert status["summary"]["outcomes"] == Counter(row["outcome"] for row in rows)
    assert (status["summary"]["planned"], status["summary"]["done"]) == (TRIALS[name], TRIALS[name])
    assert status["rates"]["recovered"] == share
    assert [(e["trial"], e["attempt"], e["outcome"], e.get("target")) for e in reversed(status["recent"])] == [
        (row["trial"], row["attempt"], row["outcome"], row["target"]) for row in rows
    ]
    assert "current" not in status
    median = status["rates"]["medianTimeToRecover"]
    printed = ["Complete", "etcd", f"node_{name[:-1]}", "baseline", f"{TRIALS[name]}/{TRIALS[name]}", *share.split()]
    assert run.columns[name][1:-1] == [*printed, median]


@pytest.mark.parametrize("name", TRIALS)
def test_conditions_say_that_it_finished_well(run: Run, name: str) -> None:
    conditions = {each["type"]: each["status"] for each in run.objects[name]["status"]["conditions"]}
    assert conditions == {
        "Accepted": "True",
        "SubjectLocked": "False",
        "Progressing": "False",
        "Complete": "True",
        "Failed": "False",
        "Finished": "True",
    }


@pytest.mark.parametrize("name", TRIALS)
def test_there_is_one_event_for_each_transition(run: Run, name: str) -> None:
    reasons = Counter(event["reason"] for event in run.events[name])
    attempts = Counter(f"Trial{row['outcome']}" for row in run.rows[name])
    expected = attempts + Counter(["TrialsRunning", "AllTrialsDone"])
    # The second campaign waited for the first; the first may have waited for one of an earlier test.
    assert reasons - Counter(["SubjectBusy"]) == expected
    assert reasons["SubjectBusy"] == 1 or name == KILL
    assert all(event["count"] == 1 for event in run.events[name])


def test_nothing_in_the_subjects_namespace_tells_of_us(run: Run) -> None:
    events = kubectl.ask_json("reading Events", "-n", "etcd", "get", "events")["items"]
    assert not [
        event
        for event in events
        if "evalcampaign" in event["source"].get("component", "") or event["involvedObject"]["kind"] == "EvalCampaign"
    ]
    for pod in run.history.raw:
        meta = pod["metadata"]
        told = [meta.get("labels"), meta.get("annotations"), [each["manager"] for each in meta["managedFields"]]]
        assert "eval" not in str(told) and "chaos" not in str(told)


def test_afterwards_the_subject_is_healthy_and_clean(run: Run) -> None:
    assert run.trouble == []


def _time(row: Any, field: str) -> datetime:
    return datetime.fromisoformat(row[field])
