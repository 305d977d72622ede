from __future__ import annotations

import io

import pytest
from rich.console import Console

from controller.cli.tables import Column, print_table
from tests.unit.cli.conftest import Run


def lines(text: str) -> list[str]:
    """Each line, its words one blank apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_list_shows_campaigns_newest_first_with_every_rate_and_its_n(run: Run) -> None:
    result = run("list")
    assert result.exit_code == 0
    heading, again, night, first = lines(result.stdout)
    assert heading == "NAME NAMESPACE SUBJECT CHAOS MODE PHASE TRIALS RECOVERED TO RECOVER STARTED"
    assert again == "demo default etcd pod_kill baseline Running 0/5 - - 2025-03-04 05:16Z"
    assert night == "leader-kill-at-night team-b etcd leader_kill baseline Pending 0/500 - - -"
    assert first == "demo default etcd pod_kill baseline Complete 3/3 2/3 (67%) 5.0s 2025-03-04 05:06Z"


def test_trials_shows_each_attempt_in_seconds_after_its_injection(run: Run) -> None:
    result = run("trials", "uid-1")
    rows = lines(result.stdout)
    assert rows[0] == "TRIAL ATTEMPT OUTCOME TARGET INJECTED (UTC) MANIFESTED SERVING AGAIN RECOVERED ERROR"
    assert rows[1:] == [
        "1 1 SelfHealed etcd-1 2025-03-04 05:06:27 +0.8s +2.5s +3.4s",
        "2 1 Interrupted etcd-1 2025-03-04 05:08:07 +0.8s - - the controller was stopped in mid-trial",
        "2 2 SelfHealed etcd-1 2025-03-04 05:09:47 +0.8s +2.5s +5.0s",
        "3 1 NotHealed etcd-1 2025-03-04 05:11:27 +0.8s >60s >60s",
    ]


def test_an_attempt_that_runs_shows_its_step(run: Run) -> None:
    assert lines(run("trials", "default/demo").stdout)[1] == "1 1 (await_healthy) - -"


@pytest.mark.parametrize("arguments", [("list",), ("trials", "uid-1"), ("show", "uid-1", "-t", "2", "--attempt", "1")])
def test_nothing_is_wider_than_a_narrow_terminal(run: Run, arguments: tuple[str, ...]) -> None:
    text = run(*arguments, columns=80).stdout
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_narrow_table_keeps_what_matters_and_says_what_it_left_out(run: Run) -> None:
    text = run("list", columns=80).stdout
    assert all(heading in text for heading in ("NAME", "PHASE", "TRIALS", "RECOVERED", "TO RECOVER"))
    assert "leader-kill-at-night" in text, "a name is never cut"
    assert "Not shown at this width: MODE" in text


def test_a_long_text_is_cut_and_takes_no_room_from_the_columns_beside_it() -> None:
    out = io.StringIO()
    columns = [Column("NAME", ["first", "second"]), Column("ERROR", ["", "word " * 100], drop=1, rest=True)]
    print_table(columns, Console(file=out, width=40))
    assert [" ".join(line.split()) for line in out.getvalue().splitlines()][:2] == ["NAME ERROR", "first"]
    assert out.getvalue().splitlines()[2].startswith("second  word word")


def test_a_pipe_gets_every_column_uncut(run: Run) -> None:
    text = run("trials", "uid-1", columns=None).stdout
    assert "the controller was stopped in mid-trial" in text and "SERVING AGAIN" in text


def test_an_empty_database_gets_a_sentence(run: Run, empty: str) -> None:
    result = run("list", db=empty)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("No campaigns are recorded yet.")


def test_a_campaign_without_trials_gets_a_sentence(run: Run) -> None:
    assert run("trials", "leader-kill-at-night").stdout == (
        "No trial of team-b/leader-kill-at-night has begun yet; it is Pending.\n"
    )
