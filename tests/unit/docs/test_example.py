"""The example in docs/ says what its records say: its recipe is run on them, and the verdict is made of them anew."""

from __future__ import annotations

import csv
import html
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.analysis.comparison import Comparison, compare
from controller.analysis.estimates import estimates, format_estimate, format_interval
from controller.analysis.trial import Arm, Trial
from controller.api import Mode, Outcome, Phase
from controller.records.rows import CampaignRow

EXAMPLE = Path(__file__).parents[3] / "docs" / "example"
README, REPORT = ((EXAMPLE / name).read_text() for name in ("README.md", "report.html"))
MANIFESTS = [
    yaml.safe_load(html.unescape(text)) for text in re.findall(r"<pre>(apiVersion.*?)</pre>", REPORT, re.DOTALL)
]


def arm(file: str, manifest: dict[str, Any]) -> Arm:
    """From the CSV file, and the spec that the report has."""
    with (EXAMPLE / file).open() as opened:
        rows = list(csv.DictReader(opened))
    first, name = rows[0], f"{rows[0]['campaign_namespace']}/{rows[0]['campaign_name']}"
    times = [datetime.fromisoformat(row[column]) for row in rows for column in ("started_at", "ended_at")]
    campaign = CampaignRow(
        uid=first["campaign_uid"],
        namespace=first["campaign_namespace"],
        name=first["campaign_name"],
        subject=first["subject"],
        subject_namespace=first["subject_namespace"],
        chaos=first["chaos"],
        mode=Mode(first["mode"]),
        variant=first["variant"] or None,
        spec=manifest["spec"],
        spec_hash="",
        comparison_hash=first["comparison_hash"],
        phase=Phase.COMPLETE,
        reason="AllTrialsDone",
        message="",
        created_at=min(times),
        started_at=min(times),
        finished_at=max(times),
        deleted_at=None,
    )
    return Arm(name, campaign, [trial(row) for row in rows])


def trial(row: dict[str, str]) -> Trial:
    known: dict[str, Any] = {
        name: float(row[f"time_to_{verb}"]) if row[f"time_to_{verb}"] else None
        for name, verb in (("recovered", "recover"), ("detected", "detect"), ("resolved", "resolve"))
    }
    return Trial(
        trial=int(row["trial"]),
        attempt=int(row["attempt"]),
        seed=int(row["seed"]),
        outcome=Outcome(row["outcome"]),
        window=float(row["window"]),
        **known,
    )


@pytest.fixture(scope="module")
def made() -> Comparison:
    return compare(arm("agent.csv", MANIFESTS[0]), arm("baseline.csv", MANIFESTS[1]))


def test_the_recipe_gives_the_difference_that_the_verdict_names(
    made: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(EXAMPLE)
    exec(compile(recipe, "recipe", "exec"), {})
    found = float(capsys.readouterr().out)
    assert made.difference is not None and found == pytest.approx(made.difference.value, abs=1e-6)
    assert f"unrecovered for {-found:.1f} s less" in made.sentence


@pytest.mark.parametrize("page", ["README.md", "report.html"])
def test_verdict_and_circumstances_are_those_that_the_records_give(made: Comparison, page: str) -> None:
    text = " ".join(html.unescape((EXAMPLE / page).read_text()).split())
    for sentence in (made.sentence, made.circumstances, *made.notes):
        assert sentence in text


def test_the_numbers_of_the_report_are_those_that_the_records_give(made: Comparison) -> None:
    text = html.unescape(REPORT)
    for analysis in (made.first, made.second):
        for line in estimates(analysis):
            if not line.measure.startswith("commands"):
                assert f"<td>{format_estimate(line)}</td>" in text, line.measure
    shown = {line.words: format_interval(line) for line in estimates(made.first)}
    for words in ("recovered by the deadline", "mean time to recover, up to 45 s"):
        assert re.search(rf"{words} .*{shown[words]}", README)


def test_the_recipe_for_the_interval_gives_the_interval_of_the_verdict(
    made: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (EXAMPLE.parent / "evidence.md").read_text()
    (recipe,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(EXAMPLE)
    exec(compile(recipe, "recipe", "exec"), {})
    value, low, high = (float(number) for number in capsys.readouterr().out.split())
    assert made.difference is not None
    assert (value, low, high) == pytest.approx((made.difference.value, made.difference.low, made.difference.high))
    said = [float(number) for number in re.findall(r"# (-[\d.]+)\.\.\. (-[\d.]+)\.\.\. (-[\d.]+)\.\.\.", page)[0]]
    assert said == pytest.approx([value, low, high], abs=1e-3)
