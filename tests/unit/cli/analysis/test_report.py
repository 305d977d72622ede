from __future__ import annotations

import json
from pathlib import Path

from controller.reading import serialization
from controller.reading.database import DatabaseReader
from controller.report.attempts import attempt_section
from tests.unit.cli.analysis.conftest import HOSTILE, THOUGHT, Run


def test_one_file_tells_of_all_campaigns(run: Run, tmp_path: Path) -> None:
    to = tmp_path / "report.html"
    result = run("report", "helped", "alone", "quiet", "-o", str(to))
    assert (result.exit_code, result.stdout) == (0, "")
    page = to.read_text()
    assert "default/helped is better than default/alone" in page
    assert page.count('<details class="trial">') == 8 + 8 + 4
    assert HOSTILE not in page
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_of_one_campaign_there_is_no_conclusion_but_what_it_found(run: Run, tmp_path: Path) -> None:
    to = tmp_path / "report.html"
    assert run("report", "alone", "-o", str(to)).exit_code == 0
    found = "6 of 8 scored trials recovered by the deadline (75%, 95&nbsp;% interval 41% to 93%)"
    assert f"default/alone: {found}." in to.read_text()


def test_campaigns_that_asked_something_else_make_no_report_unless_forced(run: Run, tmp_path: Path) -> None:
    to = tmp_path / "report.html"
    result = run("report", "helped", "odd", "-o", str(to))
    assert result.exit_code == 1
    assert "They differ in settleSeconds" in result.stderr
    assert not to.exists()
    assert run("report", "helped", "odd", "--force", "-o", str(to)).exit_code == 0
    assert "Forced: the two did not ask the same" in to.read_text()


def test_a_place_that_cannot_be_written_is_a_sentence(run: Run, tmp_path: Path) -> None:
    result = run("report", "alone", "-o", str(tmp_path / "missing" / "report.html"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_what_the_agent_said_is_told_among_its_commands(run: Run, tmp_path: Path) -> None:
    to = tmp_path / "report.html"
    assert run("report", "helped", "-o", str(to)).exit_code == 0
    shown = to.read_text()
    assert shown.index("kubectl delete pod etcd-1") < shown.index(THOUGHT) < shown.index("kubectl delete pod etcd-2")


def test_what_is_read_from_the_controller_tells_the_same(judged: str) -> None:
    """As JSON, which is how the controller hands out an attempt."""
    here = DatabaseReader(judged)
    campaign = here.find("helped").campaign
    told = here.attempt(campaign, 1)
    far = serialization.timeline_from_json(
        json.loads(serialization.dumps(serialization.timeline_to_json(campaign, told)))
    )
    assert far == told and attempt_section(far.attempt, "") == attempt_section(told.attempt, "")
    assert THOUGHT in [each.text for each in attempt_section(far.attempt, "").steps]
