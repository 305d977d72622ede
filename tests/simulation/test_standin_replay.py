"""What was recorded of a real cluster, done again to the stand-in in virtual time: does the same happen, and when?

Elections are random, so each recording is replayed with several seeds. Its moments must lie in the range that these
gave, widened by the slack that `standin_table` states; docs/standin.md has the table of many more seeds.
"""

from functools import cache

import pytest

from tests.simulation.standin_table import Line, lines
from tests.support.standin.recordings import FOLDER
from tests.support.standin.scripts import SCRIPTS

SEEDS = range(4)

BY_CHANCE = {
    ("quorum_loss_fixed", "regions with pending peers, most"),
    ("quorum_loss_fixed", "pending peers gone"),
}
"""In the recorded run no region was led before the old store was reached again. In most of the stand-in's some are."""

PARTS = [(script, part.name) for script, parts in SCRIPTS.items() for part in parts]


@cache
def replayed(script: str) -> dict[str, list[Line]]:
    return lines(script, SEEDS)


def test_every_recording_is_replayed() -> None:
    recorded = {file.stem for file in FOLDER.glob("*.json")} - {"tikv_region_status"}
    assert recorded == {name for _, name in PARTS}


@pytest.mark.parametrize(("script", "name"), PARTS)
def test_what_was_recorded_happens_again_and_about_then(script: str, name: str) -> None:
    strays = [line for line in replayed(script)[name] if not line.agrees and (name, line.what) not in BY_CHANCE]
    assert not strays


@pytest.mark.parametrize(("script", "name"), PARTS)
def test_no_election_is_quicker_than_the_shortest_timeout_or_waits_for_many(script: str, name: str) -> None:
    elected = [line for line in replayed(script)[name] if line.what.endswith(("led anew", "named by PD"))]
    for line in elected:
        assert all(7 < seen < 40 for seen in line.seen), line


def test_the_recordings_differ_enough_to_tell_a_wrong_stand_in() -> None:
    """A line that agrees with anything would be no test: one replay is held against another's recording."""
    other = {line.what: line.recorded for line in replayed("node_down")["node_down_fixed"]}
    foreign = [
        Line(line.what, other[line.what], line.poll, line.seen, line.runs)
        for line in replayed("partition")["partition_healed"]
        if line.what in other
    ]
    assert not all(line.agrees for line in foreign)
