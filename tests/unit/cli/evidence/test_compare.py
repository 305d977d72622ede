from __future__ import annotations

import asyncio
import csv
import io
import json

from controller.records import Records
from tests.unit.cli.evidence.conftest import Run, campaign


def test_the_verdict_comes_first_and_the_rest_is_called_described(run: Run):
    result = run("compare", "helped", "alone")
    assert result.exit_code == 0
    assert result.stdout.startswith("default/helped is better than default/alone: within the first 60 s ")
    assert "Described, not tested" in result.stdout
    assert "100% (68% to 100%), 8/8" in result.stdout


def test_the_baseline_is_found_by_what_was_asked_and_named(run: Run):
    result = run("compare-baseline", "helped", "-o", "json")
    (made,) = json.loads(result.stdout)
    assert (made["first"], made["second"], made["verdict"]) == ("default/helped", "default/alone", "better")
    assert (made["paired"], made["n_first"], made["deadline_seconds"]) == (True, 8, 60.0)
    assert made["described"]["second"]["scored"] == 8
    assert result.stderr == "The baseline is default/alone (uid base, Complete).\n"


def test_a_baseline_that_asked_something_else_is_not_taken_and_the_difference_is_named(run: Run):
    result = run("compare", "helped", "odd")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "They differ in settleSeconds" in result.stderr
    forced = run("compare", "helped", "odd", "--force")
    assert forced.exit_code == 0
    assert forced.stdout.startswith("Forced: the two did not ask the same; they differ in settleSeconds.\n")


def test_a_baseline_has_no_baseline(run: Run):
    result = run("compare-baseline", "alone")
    assert result.exit_code == 1
    assert "is a baseline itself" in result.stderr


def test_variants_are_compared_each_with_each_under_their_names(run: Run):
    result = run("compare-variants", "--subject", "etcd", "--chaos", "pod_kill", "-o", "csv")
    (made,) = csv.DictReader(io.StringIO(result.stdout))
    assert (made["first"], made["second"], made["comparisons"]) == ("one", "two", "1")
    # Paired, and each trial of one is a second quicker; one failure among many trials would outweigh that.
    assert made["verdict"] == "no detectable difference"
    assert float(made["low"]) < 0 < float(made["high"]) and float(made["p"]) > 0.05
    assert "one is default/helped (uid v1, Complete)." in result.stderr


def test_what_nobody_tried_is_a_sentence(run: Run):
    result = run("compare-variants", "--subject", "tikv", "--chaos", "node_kill")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "It takes campaigns of two variants of agents with node_kill on tikv" in result.stderr


def test_markdown_says_the_verdict_and_describes(run: Run):
    text = run("compare", "helped", "alone", "-o", "markdown").stdout
    assert text.startswith("**default/helped is better than default/alone: ")
    assert "| recovered by the deadline | 100% (68% to 100%), 8/8 | 75% (41% to 93%), 6/8 |" in text


def test_the_other_arm_is_taken_before_a_newer_baseline_and_that_they_took_turns_is_said(run: Run, tmp_path):
    url = f"sqlite:///{tmp_path}/records.db"

    async def seed() -> None:
        records = await Records.open(url)
        agent = {"mode": "agent", "agent": {"source": "http"}, "interleave": {"group": "g", "arm": "agent"}}
        await campaign(records, "u1", "helped", [10.0 + i % 4 for i in range(8)], **agent)
        await campaign(records, "u2", "its-arm", [50.0] * 8, interleave={"group": "g", "arm": "baseline"})
        await campaign(records, "u3", "newer", [50.0] * 8)
        await records.close()

    asyncio.run(seed())
    result = run("compare-baseline", "helped", db=url)
    assert "The baseline is default/its-arm (uid u2, Complete, chosen of 2)." in result.stderr
    assert "They took turns, trial by trial." in result.stdout
    assert "They did not take turns" in run("compare", "helped", "newer", db=url).stdout
