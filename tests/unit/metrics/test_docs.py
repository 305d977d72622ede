"""The page about metrics knows each of them, as it is; and what it asks of Prometheus is there to be asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from controller.api import Failure
from tests.unit.metrics.everything import Family, families, scrape_everything

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
ROWS = re.findall(r"^\| `(evalcampaign_\w+)` \| (\w+) \|([\w, ]*)\| (.+) \|$", PAGE, re.MULTILINE)
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
[RULES] = [yaml.safe_load(text)["groups"][0]["rules"] for kind, text in BLOCKS if text.startswith("groups:")]
EXPRESSIONS = [text for kind, text in BLOCKS if kind == "promql"] + [rule["expr"] for rule in RULES]


@pytest.fixture
def metrics(url: str) -> list[Family]:
    return list(families(scrape_everything(url)))


def test_each_metric_has_its_row_with_its_type_and_labels(metrics: list[Family]) -> None:
    found = {(each.exposed, each.type, each.labels) for each in metrics}
    told = {(name, type_, frozenset(re.findall(r"\w+", labels))) for name, type_, labels, _ in ROWS}
    assert told == found and len(ROWS) == len(told)


def test_each_metric_says_what_it_means_where_it_is_scraped(metrics: list[Family]) -> None:
    assert [each.exposed for each in metrics if not each.help.endswith(".")] == []


def test_times_that_leave_out_those_that_never_came_say_so_and_name_the_rest(metrics: list[Family]) -> None:
    means = {each.exposed: each.help for each in metrics}
    assert "counted as censored" in means["evalcampaign_recovery_seconds"]
    assert "counted as undetected" in means["evalcampaign_detection_seconds"]


def test_what_it_asks_of_prometheus_is_there_with_those_labels(metrics: list[Family]) -> None:
    assert len(EXPRESSIONS) >= 9
    by_sample = {sample: each.labels for each in metrics for sample in each.samples}
    for expression in EXPRESSIONS:
        asked = re.findall(r"(evalcampaign_\w+)(?:\{(.*?)\})?", expression)
        assert asked, expression
        for name, matchers in asked:
            assert set(re.findall(r"(\w+)(?==|!=|!~|=~)", matchers)) - {"le"} <= by_sample[name], expression


def test_the_bucket_it_asks_for_is_one(metrics: list[Family]) -> None:
    [bound] = {each for expression in EXPRESSIONS for each in re.findall(r'le="(.+?)"', expression)}
    [recovery] = (each for each in metrics if each.exposed == "evalcampaign_recovery_seconds")
    assert bound in recovery.bounds


def test_every_reason_is_explained() -> None:
    table = PAGE.split("| reason | the attempt")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [each.value for each in Failure]
