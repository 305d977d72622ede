from __future__ import annotations

import asyncio
from pathlib import Path

from controller.records import Records
from tests.unit.cli.evidence.conftest import HOSTILE, Run, seed
from tests.unit.records.samples import at


def test_one_file_tells_of_all_campaigns(run: Run, tmp_path: Path):
    to = tmp_path / "report.html"
    result = run("report", "helped", "alone", "quiet", "-o", str(to))
    assert (result.exit_code, result.stdout) == (0, "")
    page = to.read_text()
    assert "default/helped is better than default/alone" in page
    assert page.count('<details class="trial">') == 8 + 8 + 4
    assert HOSTILE not in page
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_of_one_campaign_there_is_no_verdict_but_what_it_found(run: Run, tmp_path: Path):
    to = tmp_path / "report.html"
    assert run("report", "alone", "-o", str(to)).exit_code == 0
    assert "default/alone: 6 of 8 scored trials recovered by the deadline." in to.read_text()


def test_campaigns_that_asked_something_else_make_no_report_unless_forced(run: Run, tmp_path: Path):
    to = tmp_path / "report.html"
    result = run("report", "helped", "odd", "-o", str(to))
    assert result.exit_code == 1
    assert "They differ in settleSeconds" in result.stderr
    assert not to.exists()
    assert run("report", "helped", "odd", "--force", "-o", str(to)).exit_code == 0
    assert "Forced: the two did not ask the same" in to.read_text()


def test_a_place_that_cannot_be_written_is_a_sentence(run: Run, tmp_path: Path):
    result = run("report", "alone", "-o", str(tmp_path / "missing" / "report.html"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_what_the_agent_said_beside_its_commands_is_told(run: Run, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/records.db"

    async def said() -> None:
        await seed(url)
        records = await Records.open(url)
        await records.close()

    asyncio.run(said())
    add_reasoning(url)
    to = tmp_path / "report.html"
    assert run("report", "helped", "-o", str(to), db=url).exit_code == 0
    assert "I look at the leader first" in to.read_text()


def add_reasoning(url: str) -> None:
    from controller.records import engines
    from controller.records.schema import agent_entries

    engine = engines.writer(url)
    with engine.begin() as connection:
        told = {"campaign_uid": "v1", "session": "s1", "sequence": 1, "type": "reasoning", "tool": "", "command": ""}
        judged = {"mutating": False, "destructive": False, "why": "", "at": None, "arrived_at": at(0)}
        connection.execute(agent_entries.insert().values(**told, **judged, content="I look at the leader first"))
    engine.dispose()
