from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

from controller.records import Records
from tests.unit.cli.analysis.conftest import Run, campaign


def test_the_conclusion_comes_first_and_the_rest_is_called_described(run: Run) -> None:
    result = run("compare", "helped", "alone")
    assert result.exit_code == 0
    assert result.stdout.startswith("default/helped is better than default/alone: within the first 60 s ")
    assert "Described, not tested" in result.stdout
    assert "100% (68% to 100%), 8/8" in result.stdout


def test_the_baseline_is_found_by_what_was_asked_and_named(run: Run) -> None:
    result = run("compare-baseline", "helped", "-o", "json")
    (made,) = json.loads(result.stdout)
    assert (made["first"], made["second"], made["conclusion"]) == ("default/helped", "default/alone", "better")
    assert (made["paired"], made["n_first"], made["deadline_seconds"]) == (True, 8, 60.0)
    assert made["described"]["second"]["scored"] == 8
    assert result.stderr == "The baseline is default/alone (uid base, Complete).\n"


def test_a_baseline_that_asked_something_else_is_not_taken_and_the_difference_is_named(run: Run) -> None:
    result = run("compare", "helped", "odd")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "They differ in settleSeconds" in result.stderr
    forced = run("compare", "helped", "odd", "--force")
    assert forced.exit_code == 0
    assert forced.stdout.startswith("Forced: the two did not ask the same; they differ in settleSeconds.\n")


def test_a_baseline_has_no_baseline(run: Run) -> None:
    result = run("compare-baseline", "alone")
    assert result.exit_code == 1
    assert "is a baseline itself" in result.stderr


def test_variants_are_compared_each_with_each_under_their_names(run: Run) -> None:
    result = run("compare-variants", "--subject", "etcd", "--chaos", "pod_kill", "-o", "csv")
    (made,) = csv.DictReader(io.StringIO(result.stdout))
    assert (made["first"], made["second"], made["comparisons"]) == ("one", "two", "1")
    # Paired, and each trial of one is a second quicker; one failure among many trials would outweigh that.
    assert made["conclusion"] == "no detectable difference"
    assert float(made["low"]) < 0 < float(made["high"]) and float(made["p"]) > 0.05
    assert "one is default/helped (uid v1, Complete)." in result.stderr


def test_what_nobody_tried_is_a_sentence(run: Run) -> None:
    result = run("compare-variants", "--subject", "tikv", "--chaos", "node_kill")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "It takes campaigns of two variants of agents with node_kill on tikv" in result.stderr


def test_markdown_says_the_conclusion_and_describes(run: Run) -> None:
    text = run("compare", "helped", "alone", "-o", "markdown").stdout
    assert text.startswith("**default/helped is better than default/alone: ")
    assert "| recovered by the deadline | 100% (68% to 100%), 8/8 | 75% (41% to 93%), 6/8 |" in text


def test_the_other_arm_is_taken_before_a_newer_baseline_and_that_they_took_turns_is_said(
    run: Run, tmp_path: Path
) -> None:
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


def test_an_agent_has_a_control_where_one_of_its_variant_was_scored_on_the_subject(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"

    async def seed() -> None:
        records = await Records.open(url)
        agent = {"mode": "agent", "agent": {"source": "http"}}
        await campaign(records, "u1", "one", [10.0 + i for i in range(8)], **agent, variant={"name": "v1"})
        await campaign(records, "u2", "two", [10.0 + i for i in range(8)], **agent, variant={"name": "v2"})
        await campaign(records, "u3", "quiet", [None] * 3, **agent | {"mode": "control"}, variant={"name": "v1"})
        await records.close()

    asyncio.run(seed())
    (made,) = json.loads(run("compare", "one", "two", "-o", "json", db=url).stdout)
    said = [note for note in made["notes"] if "control" in note]
    assert len(said) == 1 and "of default/two has" in said[0]


def test_lost_attempts_stand_in_every_format(run: Run, tmp_path: Path) -> None:
    from controller.api import Outcome
    from tests.unit.records.samples import at

    url = f"sqlite:///{tmp_path}/records.db"

    async def seed() -> None:
        records = await Records.open(url)
        await campaign(records, "u1", "quick", [10.0 + i / 10 for i in range(8)])
        await campaign(records, "u2", "slow", [50.0 + i / 10 for i in range(8)])
        for trial in (9, 10):
            row = await records.open_attempt("u1", trial, seed=100 + trial, at=at(1500 + trial))
            await records.end_attempt(row.id, Outcome.INFRA_ERROR, at=at(1510 + trial), error="AgentSightLost")
        await records.close()

    asyncio.run(seed())
    table, markdown = (run("compare", "quick", "slow", "-o", output, db=url).stdout for output in ("table", "markdown"))
    for text in (table, markdown):
        flat = " ".join(text.split())
        assert "2 of 10 attempts (InfraError 2)" in flat and "0 of 8 attempts" in flat
        assert "The arms lost attempts differently" in flat and "Worst case" in flat
    (made,) = csv.DictReader(io.StringIO(run("compare", "quick", "slow", "-o", "csv", db=url).stdout))
    assert (made["unscored_first"], made["unscored_second"]) == ("InfraError 2", "")
    assert made["worst_case"] in ("better", "no detectable difference")
