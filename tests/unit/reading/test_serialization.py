"""The JSON of a controller of another version is read by this one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.reading import serialization
from controller.reading.database import DatabaseReader
from controller.records.errors import RecordsError

OLD_FAULT = {
    "chaos": "node_kill",
    "target": "tikv-1",
    "uid": "u1",
    "facts": {"ledRegions": 3, "regions": 6, "others": {"tikv-2": {"ledRegions": 1, "regions": 6}}},
    "others": [{"name": "tikv-2", "uid": "u2"}],
    "params": {"count": 2},
    "undo": {"pods": {}},
}
"""A fault as controllers sent it before its targets were one list."""

TARGETS = [
    {"name": "tikv-1", "uid": "u1", "facts": {"ledRegions": 3, "regions": 6}},
    {"name": "tikv-2", "uid": "u2", "facts": {"ledRegions": 1, "regions": 6}},
]


@pytest.fixture
def sent(direct: DatabaseReader) -> dict[str, Any]:
    """An attempt's timeline, as a controller sends it."""
    campaign = direct.find("uid-1").campaign
    text = serialization.dumps(serialization.timeline_to_json(campaign, direct.attempt(campaign, 1)))
    value: dict[str, Any] = json.loads(text)
    return value


@pytest.fixture
def old(sent: dict[str, Any]) -> dict[str, Any]:
    """The same attempt from an older controller: its fault in the old shape, and a field that is not known here."""
    return sent | {"fault": OLD_FAULT, "target": "tikv-1", "abandoned_field": 1}


def test_an_older_controllers_fault_names_all_its_targets_in_one_list(old: dict[str, Any]) -> None:
    attempt = serialization.timeline_from_json(old).attempt
    assert attempt.fault == {"chaos": "node_kill", "targets": TARGETS, "params": {"count": 2}, "undo": {"pods": {}}}
    assert attempt.target == "tikv-1, tikv-2"
    summary = serialization.summary_from_json(old)
    assert (summary.fault, summary.target) == (attempt.fault, attempt.target)


def test_the_rest_of_an_older_controllers_attempt_is_what_it_sent(sent: dict[str, Any], old: dict[str, Any]) -> None:
    here, there = serialization.timeline_from_json(sent), serialization.timeline_from_json(old)
    assert there.events == here.events
    assert (there.attempt.id, there.attempt.outcome, there.attempt.time_to_recover) == (
        here.attempt.id,
        here.attempt.outcome,
        here.attempt.time_to_recover,
    )


def test_a_record_that_cannot_be_read_asks_for_the_controllers_own_version(sent: dict[str, Any]) -> None:
    with pytest.raises(RecordsError, match=r"cannot read .*outcome.*: use the controller's own version"):
        serialization.timeline_from_json(sent | {"outcome": "Unheard"})
