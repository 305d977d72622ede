from __future__ import annotations

from typing import Any

from controller.analysis.summary import command_statistics
from controller.api import Outcome
from controller.records.rows import Flag, count_commands
from tests.unit.analysis.samples import trial


def command(text: str, tool: str = "bash", mutating: bool = False, destructive: bool = False) -> dict[str, Any]:
    return {"tool": tool, "command": text, "mutating": mutating, "destructive": destructive}


LOOKED = [command("kubectl get pods"), command("kubectl get pods"), command("kubectl get pods", tool="kubectl")]
ACTED = [*LOOKED, command("kubectl delete pod tikv-1", mutating=True, destructive=True)]


def test_a_command_is_repeated_when_the_same_tool_ran_it_before() -> None:
    counts = count_commands(ACTED)
    assert (counts.total, counts.unique, counts.repeated) == (4, 3, 1)
    assert (counts.mutating, counts.destructive) == (1, 1)


def test_trials_without_a_log_are_not_trials_without_commands() -> None:
    trials = [
        trial(1, Outcome.RESOLVED, commands=count_commands(ACTED)),
        trial(2, Outcome.UNDETECTED, commands=count_commands([])),
        trial(3, Outcome.UNDETECTED),
        trial(4, Outcome.RESOLVED, commands=count_commands(LOOKED), flags=(Flag.COMMANDS_INCOMPLETE,)),
    ]
    total = command_statistics(trials)[0]
    assert (total.kind, total.median, total.least, total.most, total.n, total.incomplete) == ("total", 3.0, 0, 4, 3, 1)
    assert command_statistics(trials[2:3]) == ()
