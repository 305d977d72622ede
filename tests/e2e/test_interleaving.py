"""Two arms on the real cluster: they take turns, a stranger waits for both, and the metrics count it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster import kubectl
from tests.e2e.campaigns import IN_CONTROLLER, Campaigns
from tests.e2e.systems import ETCD

ARMS = ("turns-a", "turns-b")
STRANGER = "turns-stranger"
READ_METRICS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8092/metrics').read().decode())"


@pytest.fixture(scope="module")
def ran(campaigns: Campaigns) -> Iterator[dict[str, list[Any]]]:
    """The attempts of each, by name."""
    ETCD.wait_until_healthy()
    for name in ARMS:
        campaigns.apply(name, "node_kill", 3, 60, seed=9, interleave={"group": "turns", "arm": name})
    campaigns.apply(STRANGER, "node_kill", 1, 60, seed=9)
    for name in (*ARMS, STRANGER):
        campaigns.wait_finished(name)
    yield {name: campaigns.rows(name) for name in (*ARMS, STRANGER)}


def test_the_arms_run_a_b_b_a_a_b_and_the_stranger_comes_last(ran: dict[str, list[Any]]) -> None:
    rows = sorted(((row["started_at"], name, row["trial"]) for name in ran for row in ran[name]), key=str)
    a, b = ARMS
    # An attempt that is made again belongs to its trial's turn.
    turns = list(dict.fromkeys((name, trial) for _, name, trial in rows))
    assert turns == [(a, 1), (b, 1), (b, 2), (a, 2), (a, 3), (b, 3), (STRANGER, 1)]


def test_both_say_that_they_took_turns_and_hit_the_same_targets(
    ran: dict[str, list[Any]], campaigns: Campaigns
) -> None:
    for name in ARMS:
        conditions = {each["type"]: each for each in campaigns.get(name)["status"]["conditions"]}
        assert conditions["Interleaved"]["status"] == "True", conditions
        assert [row["flags"] for row in ran[name]] == [[]] * len(ran[name])
    first, second = ({row["trial"]: row["target"] for row in ran[name] if row["target"]} for name in ARMS)
    assert first == second


def test_the_metrics_count_what_is_on_record(ran: dict[str, list[Any]]) -> None:
    told = kubectl.ask("reading the metrics", *IN_CONTROLLER, "python3", "-c", READ_METRICS)
    samples = [sample for family in text_string_to_metric_families(told + "\n") for sample in family.samples]
    counted: Counter[str] = Counter()
    for sample in samples:
        if sample.name == "evalcampaign_attempts_total" and sample.labels["subject"] == "etcd":
            counted[sample.labels["outcome"]] += int(sample.value)
    # Since the controller started, and other tests have run, too.
    assert counted >= Counter(row["outcome"] for rows in ran.values() for row in rows)
