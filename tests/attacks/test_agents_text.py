"""What agents write, from what any JSON library can make of it to what is printed: taken, kept, shown plainly."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
import unicodedata
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live
from typer.testing import CliRunner

from controller.agents.intake.models import InvalidBody, values_of
from controller.agents.operatordb.export import RequestBodies
from controller.agents.operatordb.file import reading
from controller.agents.operatordb.source import OperatorDb
from controller.agents.protocol import Cursor
from controller.api import CampaignStatus, CurrentAttempt, Mode, Outcome, Phase, RecentAttempt, Step
from controller.cli.app import app
from controller.cli.cluster.campaigns import CampaignSnapshot
from controller.cli.live import EventLog, LiveDisplay, PlainDisplay
from controller.cli.options import exit_on_error
from controller.cli.records_source import records
from controller.cli.results.exporting import write_csv
from controller.cli.results.printing import print_details
from controller.reading.protocol import AttemptTimeline
from controller.records import CampaignRow, Event, Records
from tests.support.operatordb import AgentFile
from tests.unit.agents.test_intake import here, workers  # noqa: F401
from tests.unit.records.samples import at, fill, spec

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

CLEAR = "\x1b[2J\x1b[H"
HOSTILE = f"a{CLEAR}b\x9b31mc\x1b]0;title\x07d\u202egnp.exe\u2066\u200b\x00\x7f\r\x08\ud83d|<b>`x`\n=1+1"
"""Whatever moves a terminal, hides what stands in a line, or is something else elsewhere."""

PROBLEM = {"reason": "NotReady", "member": "etcd-1"}

FORMULAS = ("=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1")


def unsafe(text: str) -> set[str]:
    bad = {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return bad - set("\n\t\u200c\u200d")


# Whatever a JSON library can write ------------------------------------------------------------------------------------

WRITTEN = {
    "half an emoji": b'{"message": "a \\ud83d"}',
    "the other half": b'{"message": "\\ude00 a"}',
    "both in the wrong order": b'{"message": "\\ude00\\ud83d a"}',
    "both, escaped": b'{"message": "\\ud83d\\ude00 a"}',
    "half of one unescaped": '{"message": "a \ud83d"}'.encode("utf-8", "surrogatepass"),
    "both halves unescaped": '{"message": "a \ud83d\ude00"}'.encode("utf-8", "surrogatepass"),
    "NUL": b'{"message": "a\\u0000b"}',
    "a mark in front": b'\xef\xbb\xbf{"message": "a"}',
    "UTF-16 with a mark": '{"message": "a 🔥"}'.encode("utf-16"),
    "UTF-16, little": '{"message": "a 🔥"}'.encode("utf-16-le"),
    "UTF-16, big": '{"message": "a 🔥"}'.encode("utf-16-be"),
    "half an emoji in UTF-16": '{"message": "a \ud83d"}'.encode("utf-16-le", "surrogatepass"),
    "an escaped half in UTF-16": '{"message": "a \\ud83d"}'.encode("utf-16"),
    "UTF-32": '{"message": "a 🔥"}'.encode("utf-32"),
    "a name twice": b'{"message": "b", "message": "a"}',
    "DEL and C1": b'{"message": "a\\u007f\\u009b"}',
    "noncharacters": b'{"message": "a \\uffff\\ufdd0"}',
    "spaces around": b' \r\n\t{"message": "a"}\n ',
}


@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN)
async def test_a_ticket_is_taken_however_it_was_written(here: Any, body: bytes) -> None:  # noqa: F811
    cursor = await here.source.current_cursor()
    answer = await here.client.put("/v1/tickets/t", content=body)
    assert answer.status_code == 204, answer.text
    (ticket,) = (await here.source.poll(cursor)).tickets
    assert "a" in ticket.message
    json.dumps(ticket.message, ensure_ascii=False).encode()


PARAMS = {
    "half an emoji": b'{"command": "rm \\ud83d"}',
    "half an emoji for a name": b'{"\\ud83d": "rm x"}',
    "no number": b'{"command": "rm x", "timeout": NaN}',
    "no end of it": b'{"command": "rm x", "timeout": [Infinity, -Infinity, 1e999]}',
    "a huge number": b'{"command": "rm x", "n": ' + b"9" * 4000 + b"}",
    "deep": b'{"command": "rm x", "x": ' + b"[" * 400 + b"]" * 400 + b"}",
    "deep and half": b'{"x": ' + b'{"a": [' * 200 + b'"\\ud83d"' + b"]}" * 200 + b"}",
    "a text": b'"rm \\ud83d\\u0000"',
    "nothing": b"null",
    "names twice": b'{"command": "ls", "command": "rm x"}',
}


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
@pytest.mark.parametrize("code", [b"0", b"0.0", b"-0", b"null", b"NaN", b"Infinity", b"1e999"])
def test_a_call_is_taken_whatever_it_was_given(params: bytes, code: bytes) -> None:
    entry = b'{"session": "s", "sequence": 1, "type": "tool_call", "params": %s, "exitCode": %s}' % (params, code)
    (row,) = values_of("log", b'{"entries": [' + entry + b"]}")
    assert row["exit_code"] in (0, None)
    json.dumps(row["command"], allow_nan=False, ensure_ascii=False).encode()
    if b"rm" in params:
        assert row["destructive"] or b'\\ud83d": "rm' in params


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text(st.characters(), max_size=50),
    ANY,
    st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32-le"]),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_all_that_pythons_library_writes_is_taken(text: str, value: Any, encoding: str, ascii_only: bool) -> None:
    ticket = json.dumps({"message": text, "subject": text, "diagnosis": text}, ensure_ascii=ascii_only)
    (row,) = values_of("ticket", ticket.encode(encoding, "surrogatepass"))
    row["message"].encode()
    entry = {"session": "s", "sequence": 1, "type": "tool_call", "params": {"x": value}, "content": text, "tool": text}
    log = json.dumps({"entries": [entry]}, ensure_ascii=ascii_only)
    (row,) = values_of("log", log.encode(encoding, "surrogatepass"))
    for each in ("command", "content", "tool", "why"):
        row[each].encode()


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_what_is_no_json_is_refused_with_a_sentence_and_never_breaks(body: bytes) -> None:
    try:
        values_of("ticket", body)
    except InvalidBody as refused:
        assert str(refused) and not unsafe(str(refused))


@pytest.mark.parametrize("text", ["half \ud83d", "nul \x00", CLEAR, "\ufeff", "x" * 100_000, HOSTILE])
async def test_the_same_texts_come_through_an_operator_db(tmp_path: Path, text: str) -> None:
    file = AgentFile(tmp_path / "operator.db")
    looking = OperatorDb(file.path, ZoneInfo("UTC"), lambda: NOW)
    cursor = Cursor(NOW)
    raw = text.encode("utf-8", "surrogatepass")
    ticket = file.ticket(NOW.replace(tzinfo=None))
    file.run("UPDATE tickets SET message = CAST(? AS TEXT), diagnosis = CAST(? AS TEXT)", raw, raw)
    file.session(ticket, "s")
    file.log("s", "tool_call", json.dumps({"command": f"rm {text}"}), content="said")
    file.run("UPDATE agent_log_entries SET content = CAST(? AS TEXT)", raw)
    report = await looking.poll(cursor)
    assert report.error is None
    log = await looking.read_commands(cursor, report.tickets)
    assert [each.destructive for each in log.commands] == [True]
    json.dumps([report.tickets[0].message, *(each.to_json() for each in log.commands)], ensure_ascii=False).encode()
    with reading(file.path) as opened:
        assert opened is not None
        for path, body in RequestBodies(opened, UTC).all():
            if path.startswith("/v1/tickets/"):
                values_of("ticket", json.dumps(body).encode())


# What is printed ------------------------------------------------------------------------------------------------------


async def fill_with(records: Records, text: str) -> None:
    """A campaign in whose every text that stands, as far as the records let it in."""
    await fill(records)
    asked = spec(
        mode="agent", agent={"source": "http"}, variant={"name": "v" + text[:40], "model": text[:40]}, trials=2
    )
    await records.ensure_campaign("uid-h", "default", "hostile", asked, at(500))
    await records.set_phase("uid-h", Phase.RUNNING, "Started", text, at(501))
    for trial in (1, 2):
        row = await records.open_attempt("uid-h", trial, seed=1, at=at(510))
        command = {"at": None, "session": text, "tool": text, "command": text, "exitCode": None, "why": text}
        fault = {
            "chaos": "pod_kill",
            "targets": [{"name": text, "uid": "u", "facts": {}}],
            "params": {text: text},
            "undo": {},
        }
        await records.update(
            row.id,
            at=at(520),
            step=Step.OBSERVE,
            events=[
                Event(
                    Step.OBSERVE,
                    at(521),
                    "verdict",
                    {"serving": False, "healthy": False, "problems": [PROBLEM | {"message": text}], text: text},
                )
            ],
            fault=fault,
            initial_state={text: text, "pods": [{"name": text}]},
            final_state={text: text + "x", "pods": [{"name": "y" + text}]},
            commands=[{**command, "mutating": True, "destructive": False}],
            reasoning=[{"at": None, "session": text, "text": text, "after": 0}],
            chaos_injected_at=at(520),
            deadline_at=at(580),
        )
        await records.end_attempt(
            row.id, Outcome.INFRA_ERROR if trial == 1 else Outcome.NOT_HEALED, at=at(590), error=text
        )
    await records.set_phase("uid-h", Phase.COMPLETE, text[:30].replace("\n", " "), text, at(600))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('hostile')}/records.db"

    async def make() -> None:
        records = await Records.open(url)
        await fill_with(records, HOSTILE.replace("\ud83d", ""))
        await records.close()

    asyncio.run(make())
    return url


COMMANDS = [
    "list",
    "trials hostile",
    "show hostile -t 1",
    "show hostile -t 2 --full",
    "show nobody\x1b[2J -t 1",
    "trials \u202enobody",
    "export hostile --format csv",
    "export hostile --format junit",
    "analyze hostile",
    "analyze hostile --output csv",
    "analyze hostile --output markdown",
    "compare demo hostile",
    "compare demo hostile --output markdown",
    "unlock tikv/\x1b[2J",
]
IN_JSON = ["list -o json", "trials hostile -o json", "show hostile -t 1 -o json", "export hostile --format json"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", ["40", "200", ""])
def test_no_command_prints_what_moves_a_terminal(
    hostile: str, monkeypatch: pytest.MonkeyPatch, command: str, columns: str
) -> None:
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
    done = CliRunner().invoke(app, command.split(" "), env={"EVALCAMPAIGN_DB": hostile})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.stdout or done.stderr
    assert not unsafe(done.stdout.replace("\r\n", "\n")), command
    assert not unsafe(done.stderr), command


@pytest.mark.parametrize("command", IN_JSON)
def test_json_is_ascii_and_loses_nothing(hostile: str, command: str) -> None:
    done = CliRunner().invoke(app, command.split(" "), env={"EVALCAMPAIGN_DB": hostile})
    assert done.exit_code == 0 and done.stdout.isascii() and not unsafe(done.stdout)
    text = HOSTILE.replace("\ud83d", "")
    if "hostile" in command:
        assert text in str_of(json.loads(done.stdout))


def str_of(value: Any) -> str:
    """All texts in it, one after the other."""
    if isinstance(value, dict):
        return "".join(str_of(each) for each in (*value, *value.values()))
    return "".join(map(str_of, value)) if isinstance(value, list) else str(value)


@pytest.fixture(scope="module")
def told(hostile: str) -> tuple[CampaignRow, AttemptTimeline]:
    """A campaign and one of its attempts, to be changed."""
    with records(hostile, None) as reader:
        campaign = reader.find("hostile").campaign
        return campaign, reader.attempt(campaign, 1)


@given(st.text(max_size=60))
@example("\r\n")
@example("\ud83d\x9b")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_record_holds_each_line_of_a_trial_is_printable(told: Any, text: str) -> None:
    campaign, story = told
    command = {"at": None, "session": text, "tool": text, "command": text, "exitCode": None, "why": text}
    attempt = replace(
        story.attempt,
        error=text,
        fault={"targets": [{"name": text, "uid": text, "facts": {text: text}}], text: {text: text}},
        commands=[{**command, "mutating": True, "destructive": False}],
        initial_state={text: text},
        final_state={text: [text]},
    )
    events = [replace(event, detail={"message": text, text: text}) for event in story.events]
    out = io.StringIO()
    with redirect_stdout(out), exit_on_error():
        for full in (True, False):
            print_details(replace(campaign, variant=text, name=text), attempt, events, full)
        write_csv(replace(campaign, variant=text, name=text), [AttemptTimeline(attempt, tuple(events))], sys.stdout)
    assert not unsafe(out.getvalue())


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_in_a_record_is_a_text_in_a_spreadsheet(told: Any, formula: str) -> None:
    campaign, story = told
    attempt = replace(story.attempt, error=formula, fault={"targets": [{"name": formula, "uid": "u", "facts": {}}]})
    out = io.StringIO()
    write_csv(replace(campaign, variant=formula), [AttemptTimeline(attempt, ())], out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert all(row[name].startswith("'") for name in ("error", "target", "variant"))
    assert not [cell for cell in row.values() if re.match(r"[=+@\t\r]|-(?!\d)", cell)]


def test_a_campaign_that_is_watched_draws_no_line_but_its_own() -> None:
    forged = f"x\n 0:09 forged{CLEAR}"
    current = CurrentAttempt(trial=1, attempt=1, step=Step.OBSERVE, since=at(0), message=forged)
    ended = RecentAttempt(trial=1, attempt=1, outcome=Outcome.QUIET, ended_at=at(0), message=forged)
    status = CampaignStatus(phase=Phase.RUNNING, message=HOSTILE.replace("\ud83d", ""), current=current, recent=[ended])
    seen = CampaignSnapshot("default", "demo", "u", 3, Mode.AGENT, status)
    out = io.StringIO()
    shown = PlainDisplay(Console(file=out, width=100))
    for line in EventLog().new_lines(seen):
        shown.print_event(line)
    shown.update([seen], forged)
    assert not unsafe(out.getvalue())
    lines = out.getvalue().splitlines()
    assert len(lines) == 4 and all(re.match(r" 0:0\d \w", line) and "0:09 forged" not in line[:12] for line in lines)


def test_a_campaign_that_is_drawn_moves_nothing_but_its_own_lines() -> None:
    forged = f"x\n 0:09 forged{CLEAR}"
    current = CurrentAttempt(trial=1, attempt=1, step=Step.OBSERVE, since=at(0), message=forged)
    seen = CampaignSnapshot("default", "demo", "u", 3, Mode.AGENT, CampaignStatus(phase=Phase.RUNNING, current=current))
    out = io.StringIO()
    console = Console(file=out, width=300, force_terminal=True, legacy_windows=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        shown = LiveDisplay(live)
        shown.print_event(forged)
        shown.update([seen], forged)
    assert "\x1b[2J" not in out.getvalue() and "\x1b[H" not in out.getvalue()
    assert not re.search(r"^ 0:09 forged", out.getvalue(), re.MULTILINE)
