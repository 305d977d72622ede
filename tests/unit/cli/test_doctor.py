"""What the doctor says of each thing, well and not well."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from controller.authorization import ALLOWED_ANNOTATION
from controller.cli.checks.cluster import check_agent_db, check_controller, check_definition, compare_fields
from controller.cli.checks.finding import REVIEWS, Level
from controller.cli.checks.permissions import check_agent_permissions, check_agent_workloads, check_namespaces
from controller.cli.cluster.controller import PODS
from controller.cli.cluster.errors import Refused
from controller.records.errors import RecordsUnavailable
from controller.records.schema import HEAD
from controller.version import SOURCE_TREE
from tests.unit.cli.conftest import Run
from tests.unit.crd.flat import load_crd, schema_of


class Answers:
    """An API of fixed answers by path; an exception is raised, a function is given the body."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def get(self, path: str, **query: str) -> Any:
        return self.request("GET", path)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer(body) if callable(answer) else answer


def served() -> Any:
    return copy.deepcopy(schema_of(load_crd())["properties"])


def test_the_crd_of_this_version_has_its_fields_down_to_the_last() -> None:
    assert compare_fields(served()).level is Level.OK


def test_an_older_crd_fails_and_a_newer_one_warns_and_both_say_by_which_field() -> None:
    older = served()
    del older["spec"]["properties"]["deadlines"]["properties"]["resetSeconds"]
    found = compare_fields(older)
    assert (found.level, found.fix) == (Level.FAIL, "kubectl apply -f crds")
    assert found.message.endswith("it lacks spec.deadlines.resetSeconds")
    newer = served()
    newer["spec"]["properties"]["surprise"] = {"type": "string"}
    assert compare_fields(newer).level is Level.WARN
    assert "spec.surprise" in compare_fields(newer).message


def test_no_crd_fails() -> None:
    (found,) = check_definition(Answers({"/apis/evalcampaign.dev/v1alpha1": Refused(404, "no", named=False)}))  # type: ignore[arg-type]
    assert found.level is Level.FAIL


READY = {"metadata": {"name": "c-0"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def about(version: str = "1.2.3", schema: str = HEAD) -> Callable[[], Mapping[str, str]]:
    return lambda: {"version": version, "schema": schema}


def away() -> Mapping[str, str]:
    raise RecordsUnavailable("nothing listens there")


@pytest.mark.parametrize(
    ("pods", "says", "levels"),
    [
        ([READY], about(), ["ok", "ok"]),
        ([READY], about(version="0.0.1"), ["ok", "warn"]),
        ([READY], about(version=SOURCE_TREE), ["ok", "ok"]),
        ([READY], about(version=SOURCE_TREE, schema="0001"), ["ok", "warn"]),
        ([READY], about(schema="0001"), ["ok", "warn"]),
        ([READY], away, ["ok", "warn"]),
        ([], away, ["fail"]),
    ],
)
def test_the_controller_runs_and_is_this_version_or_it_is_said(
    monkeypatch: pytest.MonkeyPatch, pods: list[dict[str, dict[str, str]]], says: Callable[..., Any], levels: list[str]
) -> None:
    monkeypatch.setattr("controller.cli.checks.cluster.VERSION", "1.2.3")
    assert [found.level for found in check_controller(Answers({PODS: {"items": pods}}), says)] == levels  # type: ignore[arg-type]


def test_where_pods_may_not_be_seen_nothing_is_claimed() -> None:
    (found,) = check_controller(Answers({PODS: Refused(403, "pods is forbidden")}), away)  # type: ignore[arg-type]
    assert found.level is Level.WARN and "is unknown" in found.message


def looked(allows: str | None, review: Any) -> list[tuple[str, str]]:
    annotations = {} if allows is None else {ALLOWED_ANNOTATION: allows}
    meta = {"name": "tikv", "labels": {"evalcampaign.dev/opt-in": "true"}, "annotations": annotations}
    api = Answers({
        "/api/v1/namespaces": {"items": [{"metadata": meta}]},
        f"{REVIEWS}/subjectaccessreviews": review,
    })  # fmt: skip
    return [(found.level.value, found.message) for found in check_namespaces(api, "team-a")]  # type: ignore[arg-type]


def allowing(*verbs: str) -> Callable[[Any], Any]:
    return lambda body: {"status": {"allowed": body["spec"]["resourceAttributes"]["verb"] in verbs}}


ALL = ("get", "list", "watch", "delete", "patch")


def test_consent_and_powers_are_both_needed() -> None:
    (consent, permissions) = looked("default, team-a", allowing(*ALL))
    assert (consent[0], permissions[0]) == ("ok", "ok")
    assert looked("default", allowing(*ALL))[0][0] == "warn"
    assert looked(None, allowing(*ALL))[0] == (
        "warn", "Namespace tikv may be broken, but not by campaigns of team-a (it allows nobody)",
    )  # fmt: skip
    assert looked("*", allowing("get", "list", "watch"))[1] == (
        "fail", "The controller lacks permissions in namespace tikv: delete pods, patch pods",
    )  # fmt: skip


def test_powers_that_may_not_be_asked_about_are_not_called_missing() -> None:
    assert looked("*", Refused(403, "forbidden"))[1][0] == "warn"


def test_no_namespace_that_agreed_fails_with_the_way_to_agree() -> None:
    (found,) = check_namespaces(Answers({"/api/v1/namespaces": {"items": []}}), "team-a")  # type: ignore[arg-type]
    assert found.level is Level.FAIL and f"{ALLOWED_ANNOTATION}=team-a" in found.fix


CAMPAIGNS = "/apis/evalcampaign.dev/v1alpha1/namespaces/team-a/evalcampaigns"
DEPLOYMENT = "/apis/apps/v1/namespaces/agents/deployments/a"


def with_agent(review: Any, **answers: Any) -> list[tuple[str, str]]:
    workload = {"namespace": "agents", "name": "a"}
    campaign = {"spec": {"subject": {"namespace": "tikv"}, "agent": {"workload": workload}}}
    baseline = {"spec": {"subject": {"namespace": "tikv"}}}
    deployment = {"spec": {"template": {"spec": {"serviceAccountName": "watcher"}}}}
    api = Answers({
        CAMPAIGNS: {"items": [campaign, campaign, baseline]},
        DEPLOYMENT: deployment,
        f"{REVIEWS}/subjectaccessreviews": review,
        **answers,
    })  # fmt: skip
    return [(found.level.value, found.message) for found in check_agent_permissions(api, "team-a")]  # type: ignore[arg-type]


def test_an_agent_that_may_read_nothing_of_it_is_well() -> None:
    assert with_agent(lambda body: {"status": {"allowed": False}}) == [
        ("ok", "The agent agents/a, ServiceAccount agents/watcher, can read nothing that tells it of the evaluation")
    ]


def test_each_right_that_tells_an_agent_is_named() -> None:
    def review(body: Any) -> Any:
        assert body["spec"]["user"] == "system:serviceaccount:agents:watcher"
        assert "system:serviceaccounts:agents" in body["spec"]["groups"]
        return {"status": {"allowed": body["spec"]["resourceAttributes"]["resource"] in ("events", "evalcampaigns")}}

    assert with_agent(review) == [
        ("warn", "The agent agents/a can read campaigns in namespace team-a, and so that it is being evaluated"),
        ("warn", "The agent agents/a can read Events in namespace team-a, and so that it is being evaluated"),
        (
            "warn",
            "The agent agents/a can read Events in namespace tikv, where the kubelet says what was done to a pod",
        ),
    ]


def test_what_may_not_be_asked_about_an_agent_is_unknown_and_not_well() -> None:
    for answers in (
        with_agent(Refused(403, "forbidden")),
        with_agent(lambda body: {"status": {"allowed": False, "evaluationError": "no webhook"}}),
        with_agent(None, **{DEPLOYMENT: Refused(403, "forbidden")}),
        with_agent(None, **{CAMPAIGNS: Refused(403, "forbidden")}),
    ):
        ((level, said),) = answers
        assert level == "warn" and "is unknown" in said


@pytest.mark.parametrize(
    ("tables", "level", "said"),
    [
        (("tickets", "agent_sessions", "agent_log_entries"), "ok", "1 agent_log_entries, 1 agent_sessions, 1 tickets"),
        (("tickets",), "warn", "no agent_sessions and no agent_log_entries yet"),
        (("trials",), "fail", "has no table tickets (there are: trials)"),
    ],
)
def test_an_agents_file_is_looked_into_and_not_changed(
    tmp_path: Path, tables: tuple[str, ...], level: str, said: str
) -> None:
    path = tmp_path / "operator.db"
    with closing(sqlite3.connect(path)) as database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (id)")
            database.execute(f"INSERT INTO {table} VALUES (1)")
        database.commit()
    before = path.read_bytes()
    (found,) = check_agent_db(path)
    assert found.level == level and said in found.message
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_an_agents_file_that_is_none_or_is_missing_is_said(tmp_path: Path) -> None:
    (missing,) = check_agent_db(tmp_path / "none.db")
    assert missing.level is Level.WARN and list(tmp_path.iterdir()) == []
    (tmp_path / "x.db").write_text("hello " * 1000)
    (no_database,) = check_agent_db(tmp_path / "x.db")
    assert no_database.level is Level.FAIL


def test_without_a_cluster_the_doctor_fails_and_still_looks_at_the_agents_file(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--agent-db", str(tmp_path / "none.db"), db="")
    assert result.exit_code == 1
    assert result.stdout.startswith("fail There is no cluster to ask") and "warn There is no" in result.stdout


def agents_looked(allows: str | None, review: Any, **more: Any) -> list[tuple[str, str]]:
    annotations = {} if allows is None else {ALLOWED_ANNOTATION: allows}
    agent = {"spec": {"agent": {"workload": {"namespace": "agents", "name": "fixer"}}}}
    api = Answers({
        CAMPAIGNS: {"items": [agent, agent, {"spec": {}}]},
        "/api/v1/namespaces": {"items": [{"metadata": {"name": "agents", "annotations": annotations}}]},
        f"{REVIEWS}/subjectaccessreviews": review,
    } | more)  # fmt: skip
    return [(found.level.value, found.message) for found in check_agent_workloads(api, "team-a")]  # type: ignore[arg-type]


def test_an_agents_namespace_says_whose_campaigns_may_start_it_and_the_controller_needs_a_role() -> None:
    consent, permissions = agents_looked("team-a", lambda body: {"status": {"allowed": True}})
    assert (consent[0], permissions[0]) == ("ok", "ok") and "watch and end fixer" in permissions[1]
    consent, _ = agents_looked("team-b", lambda body: {"status": {"allowed": True}})
    assert consent == ("warn", "Campaigns of team-a may not start and end the agents in namespace agents")


def test_what_the_controller_lacks_to_watch_an_agent_is_named() -> None:
    def of_before(body: Any) -> Any:
        asked = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": asked["resource"] in ("deployments", "pods") and asked["namespace"] == "agents"}}

    _, permissions = agents_looked("*", of_before)
    assert permissions == (
        "fail",
        "The controller lacks permissions over the agents in namespace agents: list replicasets, get its Namespace",
    )


def test_an_agent_that_a_campaign_names_is_looked_at_though_nobody_labelled_its_namespace() -> None:
    named = {"/api/v1/namespaces": {"items": []}, "/api/v1/namespaces/agents": {"metadata": {"name": "agents"}}}
    assert [level for level, _ in agents_looked(None, lambda body: {"status": {"allowed": True}}, **named)] == [
        "warn",
        "ok",
    ]


def test_where_there_are_no_agents_nothing_is_said_of_them() -> None:
    nobody = {CAMPAIGNS: Refused(403, "no"), "/api/v1/namespaces": {"items": []}}
    assert agents_looked(None, None, **nobody) == []
    ((level, _),) = agents_looked(None, None, **{"/api/v1/namespaces": Refused(403, "no")})
    assert level == "warn"
