from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from controller.api import Phase
from controller.records import Records
from tests.unit.cli.analysis.conftest import Run
from tests.unit.records.samples import at, spec


def test_the_table_has_every_rate_with_its_interval_and_its_n(run: Run) -> None:
    result = run("analyze", "alone")
    assert result.exit_code == 0
    assert "8 of 8 trials scored (SelfHealed 6, NotHealed 2)" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("recovered by the deadline")]
    assert line.split() == ["recovered", "by", "the", "deadline", "75%", "41%", "to", "93%", "6/8"]


def test_csv_and_json_have_the_same_numbers_unrounded(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("analyze", "alone", "-o", "csv").stdout)))
    told = json.loads(run("analyze", "alone", "-o", "json").stdout)
    assert [(row["measure"], float(row["value"]), int(row["n"])) for row in rows] == [
        (line["measure"], line["value"], line["n"]) for line in told["estimates"]
    ]
    assert told["recovery_curve"]["at_risk"][0] == 8
    assert rows[0] | {"low": "", "high": ""} == {
        "campaign": "default/alone",
        "measure": "recovery_rate",
        "unit": "share",
        "value": "0.75",
        "low": "",
        "high": "",
        "n": "8",
        "count": "6",
        "beyond": "",
        "note": "",
    }


def test_json_is_json_also_where_a_bound_is_not_defined(run: Run) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    told = json.loads(run("analyze", "helped", "-o", "json").stdout, parse_constant=refuse)
    assert told["recovery_curve"]["high"][-1] is None
    assert told["detection_incidence"]["by_deadline"]["successes"] == 8


def test_markdown_is_a_table(run: Run) -> None:
    lines = run("analyze", "helped", "-o", "markdown").stdout.splitlines()
    (head,) = [i for i, line in enumerate(lines) if line.startswith("| MEASURE |")]
    assert lines[head + 1] == "| --- | --- | --- | --- | --- |"
    assert {line.count("|") for line in lines[head:]} == {6}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("alone", "--fail-under", "0.4"), 0),
        (("alone", "--fail-under", "0.5"), 3),  # 6 of 8, but the lower bound is 0.41
        (("helped", "--fail-under", "0.6", "--rate", "resolution"), 0),
        (("quiet", "--fail-under", "0.5"), 0),
        (("quiet", "--fail-under", "0.6"), 3),
        (("alone", "--fail-under", "0.5", "--rate", "resolution"), 2),
        (("alone", "--fail-under", "75"), 2),
    ],
)
def test_the_gate_is_on_the_lower_bound(run: Run, arguments: tuple[str, ...], status: int) -> None:
    result = run("analyze", *arguments)
    assert result.exit_code == status
    assert bool(result.stderr) == bool(status)


def test_without_the_extra_one_sentence_says_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("controller.analysis.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    result = run("analyze", "alone")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not installed: pip install 'evalcampaign[evidence]'" in result.stderr


def test_an_unknown_campaign_is_a_sentence(run: Run) -> None:
    result = run("analyze", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No campaign 'nobody' is recorded" in result.stderr


def test_every_line_has_the_columns_of_csv() -> None:
    from controller.analysis.estimates import Estimate
    from controller.cli.analysis import output

    assert set(output.ANALYSIS_COLUMNS) - {"campaign"} == set(Estimate.__dataclass_fields__) - {"words"}


def test_records_asked_of_the_controller_give_the_same_trials(judged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from controller.cli.analysis import arms
    from controller.reading.database import DatabaseReader

    monkeypatch.setattr(arms, "records", lambda db, context: nullcontext(DatabaseReader(db or judged)))
    there, here = arms.ArmRecords(None, None), arms.ArmRecords(judged, None)
    assert there.arm("helped") == here.arm("helped")


def test_the_numbers_of_a_campaign_that_is_not_over_are_called_interim(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"

    async def seed() -> None:
        records = await Records.open(url)
        await records.ensure_campaign("u1", "default", "going", spec(trials=8), at(0))
        await records.set_phase("u1", Phase.RUNNING, "Started", "", at(1))
        await records.close()

    asyncio.run(seed())
    assert "interim, for it is Running; 0 of 8 trials scored" in run("analyze", "going", db=url).stdout
    assert "interim" not in run("analyze", "alone").stdout
