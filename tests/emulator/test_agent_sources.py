"""A source of an agent's work that somebody else's distribution adds, and what is wrong with one, in a condition."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.scripted import Script
from controller.cli.options import UsageError
from controller.cli.run.request import RunOptions, build_spec
from tests.emulator.stage import Stage
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[2] / "docs" / "agents" / "sources.md"
BLOCKS: dict[str, str] = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL))


def install(site: Path, name: str, modules: dict[str, str], entry_points: dict[str, str]) -> None:
    """Lay out a distribution as pip would."""
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{entry} = {value}\n" for entry, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[evalcampaign.agent_sources]\n{lines}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for distributions in, with the one of docs/agents/sources.md."""
    folder = tmp_path / "site"
    folder.mkdir()
    declared = tomllib.loads(BLOCKS["toml"])["project"]
    entry_points = declared["entry-points"]["evalcampaign.agent_sources"]
    install(folder, declared["name"], {"evalcampaign_journal": BLOCKS["python"]}, entry_points)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "evalcampaign_journal", raising=False)
    return folder


async def test_a_campaign_sees_its_agent_through_the_source_of_another_distribution(
    site: Path, running: Stage, tmp_path: Path
) -> None:
    running.lab.scripts["subject"] = Script(heal_after=3)
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"ticket": "1", "text": "of an earlier attempt", "resolved": true}\n')
    agent = {"source": "journal", "sourceOptions": {"file": str(journal)}}
    key = running.apply(mode="agent", observeSeconds=20, agent=agent)
    await running.until_hurt()

    def write(**line: object) -> None:
        with journal.open("a") as file:
            file.write(json.dumps(line) + "\n")

    write(ticket="2", text="m-0 is down")
    write(command="kubectl delete pod m-0 --token=hunter2hunter2")
    await eventually(lambda: not running.lab.worlds["subject"].hurt, "it never healed")
    write(ticket="2", resolved=True)
    await running.until(key, "Complete", "Failed")
    assert running.outcomes(key) == [(1, 1, "Resolved")]
    assert [(each["command"], each["destructive"]) for each in running.commands(key)] == [
        ("kubectl delete pod m-0 --token=***", True)
    ]


def test_the_command_line_takes_the_source_of_another_distribution_with_its_options(site: Path) -> None:
    options = RunOptions(subject="tikv", chaos="node_kill", source="journal", source_options=["file=/x/journal.jsonl"])
    assert build_spec(options)[0]["agent"] == {"source": "journal", "sourceOptions": {"file": "/x/journal.jsonl"}}
    assert "evalcampaign_journal" not in sys.modules, "a name is checked without an import"
    with pytest.raises(UsageError, match=r"no agent source 'jurnal'; did you mean journal.*Known: http, journal, none"):
        build_spec(replace(options, source="jurnal"))


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        ({"source": "mail"}, "agent.source mail is unknown; this controller knows none, broken, http, journal, "),
        ({"source": "journal"}, "agent.source journal does not take its options: file: Field required"),
        (
            {"source": "journal", "sourceOptions": {"file": "/x", "fiel": "y"}},
            "does not take its options: fiel: Extra inputs are not permitted",
        ),
        ({"source": "http", "sourceOptions": {"a": 1}}, "agent.source http does not take its options: a: Extra inputs"),
        ({"source": "broken"}, "'broken' of the package of-others cannot be imported: ModuleNotFoundError"),
        ({"source": "thing"}, "agent.source thing names a int, which is no AgentSourcePlugin"),
        ({"source": "shut"}, "agent.source shut cannot be opened: KeyError: 'no key'"),
        ({"source": "modelless"}, "agent.source modelless cannot be opened: PydanticUserError"),
    ],
)
async def test_a_source_that_cannot_be_opened_ends_the_campaign_with_a_sentence(
    site: Path, running: Stage, agent: dict[str, object], says: str
) -> None:
    code = (
        "from controller.agents.sources import AgentSourcePlugin\n"
        "from pydantic import BaseModel\n"
        "async def refuse(options, context):\n    raise KeyError('no key')\n"
        "class Options(BaseModel):\n    pass\n"
        "SHUT, MODELLESS = AgentSourcePlugin(Options, refuse), AgentSourcePlugin(BaseModel, refuse)\n"
        "THING = 7\n"
    )
    sys.modules.pop("of_others", None)
    points = {"broken": "of_nobody:X", "shut": "of_others:SHUT", "thing": "of_others:THING"}
    points["modelless"] = "of_others:MODELLESS"
    install(site, "of-others", {"of_others": code}, points)
    key = running.apply(mode="agent", agent=agent)
    status = await running.until(key, "Failed", "Complete")
    assert says in status["message"]
    assert running.condition(key, "Accepted") == ("False", "InvalidAgent")
    assert running.lab.worlds["subject"].injected == []


async def test_a_source_that_raises_in_the_middle_ends_neither_the_attempt_nor_the_controller(
    site: Path, running: Stage
) -> None:
    code = (
        "from pydantic import BaseModel\n"
        "from controller.agents.protocol import Cursor\n"
        "from controller.agents.sources import AgentSourcePlugin\n"
        "class Source:\n"
        "    def __init__(self, now):\n        self.now = now\n"
        "    async def current_cursor(self):\n        return Cursor(self.now())\n"
        "    async def poll(self, cursor):\n        raise RuntimeError('I broke')\n"
        "    async def read_commands(self, cursor, tickets):\n        raise RuntimeError('I broke too')\n"
        "    async def close(self):\n        raise RuntimeError('and I do not close')\n"
        "async def open_it(options, context):\n    return Source(context.now)\n"
        "class Options(BaseModel):\n    pass\n"
        "RAISING = AgentSourcePlugin(Options, open_it)\n"
    )
    sys.modules.pop("of_others", None)
    install(site, "of-others", {"of_others": code}, {"raising": "of_others:RAISING"})
    spec: dict[str, Any] = {"trials": 1, "maxInfraErrors": 0, "deadlines": {"captureSeconds": 1}}
    key = running.apply(mode="agent", observeSeconds=1, agent={"source": "raising"}, **spec)
    await running.until(key, "Complete", "Failed")
    outcomes = running.outcomes(key)
    assert [outcome for _, _, outcome in outcomes] == ["InfraError"], outcomes
    key = running.apply("after", trials=1, observeSeconds=1)
    await running.until(key, "Complete")
