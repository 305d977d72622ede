"""Whether TiKV is split as it should be, from what PD says of its regions."""

import json

from cluster.deployment.subjects.tikv.regions import missing, starts

NEW = {"count": 1, "regions": [{"id": 2, "start_key": "", "end_key": ""}]}
# PD writes hexadecimal digits in capitals, and has regions of its own that nobody asked for.
SPLIT = {"count": 4, "regions": [{"start_key": key} for key in ("", "2A", "7200000000000000FB", "D5")]}


def test_a_new_tikv_lacks_every_key() -> None:
    assert missing(["2a", "d5"], starts(json.dumps(NEW))) == ["2a", "d5"]


def test_a_key_at_which_a_region_begins_is_not_asked_for_again() -> None:
    assert missing(["2a", "80", "d5"], starts(json.dumps(SPLIT))) == ["80"]
    assert missing(["2a", "d5"], starts(json.dumps(SPLIT))) == []


def test_an_answer_without_regions_has_none() -> None:
    assert starts('{"count": 0, "regions": null}') == []
