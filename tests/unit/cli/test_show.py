from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from controller.api import Step
from controller.difference import ABSENT, StateChange, changes
from controller.records import Event, Records
from tests.unit.cli.conftest import Run
from tests.unit.records.samples import at, fill, spec


def test_show_tells_an_attempt_from_its_opening_to_its_end(run: Run) -> None:
    result = run("show", "uid-1", "--trial", "3")
    assert result.exit_code == 0
    text = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    assert "Campaign       default/demo (uid uid-1)\n" in text
    assert "Trial          3 of 3, attempt 1, seed 103\n" in text
    assert "Recovered      >60s\n" in text
    assert "Timeline, in seconds from the injection at 2025-03-04 05:11:27.123 UTC" in text
    told = [line.split()[:2] for line in text.split("UTC\n")[1].split("\n\n")[0].splitlines()]
    assert told == [
        ["-10.000", "opened"],
        ["-5.000", "capture_initial"],
        ["-1.000", "inject"],
        ["+0.000", "injected"],
        ["+0.000", "observe"],
        ["+0.800", "manifested"],
        ["+0.800", "serving"],
        ["+0.800", "verdict"],
        ["+20.000", "capture_final"],
        ["+21.000", "ended"],
    ]
    assert "serving no, healthy no: etcd-1 is not ready" in text
    assert "target  etcd-1" in text
    assert "pods[etcd-1].restarts  0 -> 1\n" in text and "leader                 etcd-1 -> etcd-2" in text
    assert "3.5.21" not in text, "what did not change is not shown"


def test_full_shows_both_states_whole(run: Run) -> None:
    assert run("show", "uid-1", "-t", "1", "--full").stdout.count('"version": "3.5.21"') == 2


def test_the_last_attempt_is_shown_unless_another_is_named(run: Run) -> None:
    assert "attempt 2, seed" in run("show", "uid-1", "-t", "2").stdout
    assert "attempt 1, seed" in run("show", "uid-1", "-t", "2", "--attempt", "1").stdout


def test_an_attempt_without_injection_counts_from_its_start(run: Run) -> None:
    text = run("show", "uid-3", "-t", "1").stdout
    assert "in seconds from the start (nothing was injected) at 2025-03-04 05:16:09.123 UTC" in text
    assert "unknown: the initial and final state was not captured" in text
    assert "\nFault" not in text


def test_service_of_which_nobody_knew_is_told_and_where_all_was_known_it_is_not(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"

    async def record() -> None:
        records = await Records.open(url)
        await fill(records)
        await records.ensure_campaign("uid-9", "default", "headless", spec(), at(500))
        row = await records.open_attempt("uid-9", 1, seed=1, at=at(500))
        told = [
            Event(Step.OBSERVE, at(seconds), "verdict", {"serving": serving, "healthy": False, "problems": []})
            for seconds, serving in ((511, False), (513, None), (517, True))
        ]
        injected: dict[str, Any] = {
            "chaos_injected_at": at(510),
            "serving_lost_at": at(511),
            "serving_again_at": at(517),
        }
        await records.update(row.id, at=at(510), step=Step.OBSERVE, events=told, **injected)
        await records.close()

    asyncio.run(record())
    told = run("show", "headless", "-t", "1", db=url).stdout
    assert "Serving again    +7.0s" in told
    assert "Service unknown  for 4.0s, first at +3.0s" in told
    assert "Service unknown" not in run("show", "uid-1", "-t", "1", db=url).stdout


def test_equal_states_have_no_changes() -> None:
    state = {"a": [1, {"name": "x"}], "b": None}
    assert list(changes(state, state)) == []


def test_changes_are_the_smallest_places_that_differ() -> None:
    before = {"pods": {"p": {"restarts": 0, "node": "n"}}, "gone": 1, "null": None}
    after = {"pods": {"p": {"restarts": 1, "node": "n"}}, "new": [2], "null": 0}
    assert list(changes(before, after)) == [
        StateChange("pods.p.restarts", 0, 1),
        StateChange("gone", 1, ABSENT),
        StateChange("null", None, 0),
        StateChange("new", ABSENT, [2]),
    ]


def test_lists_of_named_things_are_compared_by_name() -> None:
    before = [{"name": "a", "up": True}, {"name": "b", "up": True}]
    assert list(changes(before, [{"name": "b", "up": False}], "members")) == [
        StateChange("members[a]", {"name": "a", "up": True}, ABSENT),
        StateChange("members[b].up", True, False),
    ]


def test_other_lists_are_compared_by_position() -> None:
    assert list(changes([1, 2], [1, 3, 4], "x")) == [StateChange("x[1]", 2, 3), StateChange("x[2]", ABSENT, 4)]
    twins = [{"name": "a"}, {"name": "a", "x": 1}]
    assert list(changes(twins, [{"name": "a"}, {"name": "a", "x": 2}])) == [StateChange("[1].x", 1, 2)]
