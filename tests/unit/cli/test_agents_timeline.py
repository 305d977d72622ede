"""What `show` prints of an agent."""

from __future__ import annotations

from dataclasses import replace

from pytest import CaptureFixture

from controller.api import Mode, Outcome
from controller.cli.results.printing import print_details
from controller.records.rows import Flag
from tests.unit.cli.test_summary import CAMPAIGN, KILL
from tests.unit.records.samples import at

COMMANDS = [
    {"at": "2025-03-04T05:06:20Z", "session": "s", "tool": "shell", "command": "kubectl get pods", "exitCode": 0}
    | {"mutating": False, "destructive": False, "why": ""},
    {"at": None, "session": "s", "tool": "shell", "command": "kubectl delete pod [bold]x", "exitCode": None}
    | {"mutating": True, "destructive": True, "why": ""},
]


def test_the_commands_stand_there_as_they_were_with_their_exit_codes_and_what_they_could_do(
    capsys: CaptureFixture[str],
) -> None:
    attempt = replace(
        KILL, outcome=Outcome.RESOLVED, ticket_seen_at=at(13), resolution_seen_at=at(30), commands=COMMANDS,
        flags=[Flag.TICKET_TIME_IMPOSSIBLE],
    )  # fmt: skip
    print_details(replace(CAMPAIGN, mode=Mode.AGENT), attempt, [], full=False)
    said = capsys.readouterr().out
    assert "What the agent ran: 2 commands, 2 different, 1 that could change something, 1 that could destroy" in said
    rows = [line.split() for line in said.splitlines() if "kubectl" in line]
    assert rows[0][1:] == ["0", "kubectl", "get", "pods"] and rows[0][0].startswith("+")
    assert rows[1] == ["-", "-", "destroys", "kubectl", "delete", "pod", "[bold]x"]
    assert "Detected" in said and "TicketTimeImpossible" in said


def test_without_an_agent_nothing_is_said_of_one(capsys: CaptureFixture[str]) -> None:
    print_details(CAMPAIGN, KILL, [], full=False)
    assert "gent" not in capsys.readouterr().out
