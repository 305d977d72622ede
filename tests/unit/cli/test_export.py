from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

from controller.cli.results.exporting import COLUMNS, _command_counts
from tests.unit.cli.conftest import Run

REPO = Path(__file__).parents[3]


def test_csv_has_a_row_an_attempt_under_the_columns_that_are_promised(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("export", "uid-1", "--format", "csv").stdout)))
    assert [(row["trial"], row["attempt"], row["outcome"], row["scored"]) for row in rows] == [
        ("1", "1", "SelfHealed", "true"),
        ("2", "1", "Interrupted", "false"),
        ("2", "2", "SelfHealed", "true"),
        ("3", "1", "NotHealed", "true"),
    ]
    assert list(rows[0]) == list(COLUMNS)
    first = rows[0]
    assert (first["target"], first["time_to_recover"], first["window"]) == ("etcd-1", "3.4", "60.0")
    assert first["chaos_injected_at"] == "2025-03-04T05:06:27.123456Z"
    assert (first["resolved_at"], first["commands_total"], rows[3]["recovered_at"]) == ("", "", "")
    assert rows[1]["error"] == "the controller was stopped\nin mid-trial"


def test_json_holds_the_same_attempts_whole_as_show_prints_them(run: Run) -> None:
    exported = json.loads(run("export", "uid-1").stdout)
    shown = json.loads(run("show", "uid-1", "-t", "2", "--attempt", "2", "-o", "json").stdout)
    assert len(exported) == 4 and exported[2] == shown


def test_junit_shows_trials_as_tests(run: Run) -> None:
    suite = ElementTree.fromstring(run("export", "uid-1", "--format", "junit").stdout)
    cases = suite.findall(".//testcase")
    assert len(cases) == 3
    assert [case.find("failure") is not None for case in cases] == [False, False, True]


def test_a_campaign_without_attempts_is_an_empty_list_and_a_heading(run: Run) -> None:
    assert json.loads(run("export", "leader-kill-at-night").stdout) == []
    assert run("export", "leader-kill-at-night", "--format", "csv").stdout == ",".join(COLUMNS) + "\n"


def test_a_file_takes_it_and_one_that_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    assert run("export", "uid-1", "-o", str(tmp_path / "x.json")).exit_code == 0
    assert len(json.loads((tmp_path / "x.json").read_text())) == 4
    refused = run("export", "uid-1", "-o", str(tmp_path / "no" / "x.json"))
    assert refused.exit_code == 1 and "cannot be written: No such file or directory" in refused.stderr


def test_commands_are_counted_and_none_looked_at_is_not_none_run() -> None:
    get = {"tool": "shell", "command": "kubectl get pods", "mutating": False, "destructive": False}
    delete = {"tool": "shell", "command": "kubectl delete pod tikv-1", "mutating": True, "destructive": True}
    assert _command_counts([get, delete, get]) == {
        "total": 3, "unique": 2, "repeated": 1, "mutating": 1, "destructive": 1,
    }  # fmt: skip
    assert set(_command_counts(None).values()) == {None} and _command_counts([])["total"] == 0


def test_the_page_explains_every_column() -> None:
    page = (REPO / "docs" / "cli.md").read_text()
    table = page.split("### The columns of CSV")[1].split("##")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(cells)) == list(COLUMNS)
