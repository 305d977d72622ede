from __future__ import annotations

import json

from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow
from controller.records.schema import attempts, campaigns
from tests.unit.cli.conftest import Run


def test_list_prints_rows_under_the_databases_names(run: Run) -> None:
    rows = json.loads(run("list", "--output", "json").stdout)
    assert [row["uid"] for row in rows] == ["uid-3", "uid-2", "uid-1"]
    assert rows[2].keys() >= {column.name for column in campaigns.c}
    assert {key: rows[2][key] for key in ("planned", "done", "scored", "recovered", "median_time_to_recover")} == {
        "planned": 3,
        "done": 3,
        "scored": 3,
        "recovered": 2,
        "median_time_to_recover": 5.0,
    }
    assert rows[2]["outcomes"] == {"SelfHealed": 2, "Interrupted": 1, "NotHealed": 1}
    assert rows[2]["created_at"] == "2025-03-04T05:06:07.123456Z"
    assert rows[2]["deleted_at"] is None


def test_an_empty_database_is_an_empty_list(run: Run, empty: str) -> None:
    assert run("list", "-o", "json", db=empty).stdout == "[]\n"


def test_trials_prints_attempts_without_their_states(run: Run) -> None:
    rows = json.loads(run("trials", "uid-1", "-o", "json").stdout)
    assert [(row["trial"], row["attempt"], row["outcome"], row["time_to_recover"]) for row in rows] == [
        (1, 1, "SelfHealed", 3.4),
        (2, 1, "Interrupted", None),
        (2, 2, "SelfHealed", 5.0),
        (3, 1, "NotHealed", None),
    ]
    assert "initial_state" not in rows[0]


def test_show_prints_the_whole_row_and_its_events(run: Run) -> None:
    row = json.loads(run("show", "uid-1", "-t", "1", "-o", "json").stdout)
    assert row.keys() >= {column.name for column in attempts.c}
    assert row["fault"]["targets"][0]["name"] == row["target"] == "etcd-1"
    assert (row["initial_state"]["leader"], row["final_state"]["leader"]) == ("etcd-1", "etcd-2")
    assert [event["kind"] for event in row["events"]][:2] == ["opened", "step"]
    assert row["events"][0]["at"] == row["started_at"] == "2025-03-04T05:06:17.123456Z"


def test_stdout_holds_nothing_but_json_when_a_name_is_ambiguous(run: Run) -> None:
    result = run("trials", "demo", "-o", "json")
    assert [row["campaign_uid"] for row in json.loads(result.stdout)] == ["uid-3"]
    assert result.stderr == (
        "2 campaigns go by this name; showing the newest, default/demo. The others have uid uid-1.\n"
    )


def test_rows_have_the_fields_of_their_tables() -> None:
    assert set(CampaignRow.__dataclass_fields__) == {column.name for column in campaigns.c}
    assert set(AttemptRow.__dataclass_fields__) == {column.name for column in attempts.c}
    left_out = {"initial_state", "final_state", "commands", "reasoning", "agent_mark"}
    assert set(AttemptSummary.__dataclass_fields__) == {column.name for column in attempts.c} - left_out
