"""What is applied for the scripted agent: little, harmless, and blind to campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import CampaignSpec
from controller.cli.run import tokens
from examples.agent.agent.settings import Settings

REPO = Path(__file__).parents[3]
MANIFESTS = REPO / "examples" / "agent" / "manifests"
FOLDERS = sorted(path for path in MANIFESTS.iterdir() if path.is_dir())
CAMPAIGNS = {path.stem: yaml.safe_load(path.read_text()) for path in (REPO / "examples").glob("agent-*.yaml")}


def kustomization(folder: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((MANIFESTS / folder / "kustomization.yaml").read_text())
    return loaded


def objects(file: str) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all((MANIFESTS / file).read_text())}


def patches(folder: str) -> dict[str, Any]:
    """By path, without the way to the pod."""
    [patch] = kustomization(folder)["patches"]
    operations = yaml.safe_load(patch["patch"])
    return {each["path"].removeprefix("/spec/template/spec/"): each["value"] for each in operations}


DEPLOYMENT = objects("base/deployment.yaml")["Deployment"]
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
FORWARD = patches("operator-db")["containers/-"]


def environment(**changed: str) -> dict[str, str]:
    # A value of the Secret is not known here; whatever it is, it is a URL.
    return {each["name"]: each.get("value", "http://10.0.0.1:8090") for each in CONTAINER["env"]} | changed


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_file_of_a_folder_is_used(folder: Path) -> None:
    own = {each for each in kustomization(folder.name)["resources"] if not each.startswith("..")}
    assert {"kustomization.yaml", *own} == {path.name for path in folder.iterdir()}


def test_there_is_no_pod_until_a_campaign_starts_one() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 0


def test_the_program_understands_what_the_manifests_say_to_it() -> None:
    settings = Settings.of(environment())
    assert (settings.policy, settings.subject, settings.namespace) == ("fixer", "tikv", "tikv")
    fields = {name for name in environment() if name.removeprefix("AGENT_").lower() in Settings.__annotations__}
    assert fields == set(environment())


def test_of_an_etcd_it_watches_the_etcd() -> None:
    for path, value in patches("etcd").items():
        container, place, index, field = path.removeprefix("containers/").split("/")
        assert (container, place, field) == ("0", "env", "value")
        name = CONTAINER["env"][int(index)]["name"]
        assert (name, value) in {("AGENT_SUBJECT", "etcd"), ("AGENT_NAMESPACE", "etcd")}
    assert len(patches("etcd")) == 2


def test_where_tickets_go_and_with_which_token_is_in_the_secret_that_whoever_starts_the_campaign_fills() -> None:
    mounts = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}
    [volume] = [each for each in POD["volumes"] if each["name"] == "token"]
    from_secret = {"secretKeyRef": {"name": tokens.AGENTS_SECRET, "key": tokens.URL}}
    assert volume["secret"] == {"secretName": tokens.AGENTS_SECRET}
    assert {"name": "AGENT_REPORT", "valueFrom": from_secret} in CONTAINER["env"]
    assert environment()["AGENT_TOKEN_FILE"] == f"{mounts['token']}/{tokens.KEY}"
    assert FORWARD["env"] == [{"name": "DESK_URL", "valueFrom": from_secret}]
    assert "$(DESK_URL)" in FORWARD["args"]


def test_it_may_send_to_the_namespace_of_the_intake_and_says_so_without_its_name() -> None:
    policy = objects("base/isolation.yaml")["NetworkPolicy"]
    [service] = yaml.safe_load_all((REPO / "manifests/controller/intake.yaml").read_text())
    [namespace] = yaml.safe_load_all((REPO / "manifests/controller/namespace.yaml").read_text())
    [to] = [each["to"] for each in policy["spec"]["egress"] if each["ports"] == [{"port": 8090}]]
    assert to[0]["namespaceSelector"]["matchLabels"].items() <= namespace["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["port"] == 8090


def test_its_namespace_is_one_from_which_the_controller_lets_itself_be_told() -> None:
    [policy] = yaml.safe_load_all((REPO / "manifests/controller/isolation.yaml").read_text())
    sources = policy["spec"]["ingress"][0]["from"]
    labels = objects("base/namespace.yaml")["Namespace"]["metadata"]["labels"]
    assert any(each["namespaceSelector"]["matchLabels"].items() <= labels.items() for each in sources)


def test_no_attempt_begins_before_the_agent_sees() -> None:
    probe = CONTAINER.get("startupProbe") or CONTAINER["readinessProbe"]
    assert Settings.of({"AGENT_REPORT": "x"}).ready == Path(probe["exec"]["command"][-1])


@pytest.mark.parametrize("container", [CONTAINER, FORWARD], ids=lambda each: each["name"])
def test_it_runs_with_as_little_as_the_restricted_standard_asks_and_less(container: dict[str, Any]) -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("subject", ["tikv", "etcd"])
def test_it_may_see_and_delete_pods_of_what_it_watches_and_nothing_else(subject: str) -> None:
    role, binding = objects(f"{subject}/permissions.yaml").values()
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["pods"], ["get", "list", "delete"]),
        (["statefulsets"], ["get", "list"]),
    ]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", subject)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "scripted-agent", "namespace": "agents"}]
    assert POD["serviceAccountName"] == "scripted-agent"


def test_campaigns_may_start_and_stop_the_agent_and_no_other() -> None:
    role, binding = objects("base/lease.yaml").values()
    name = DEPLOYMENT["metadata"]["name"]
    assert [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in role["rules"]] == [
        (["deployments"], [name], ["get"]),
        (["deployments/scale"], [name], ["patch"]),
        (["pods"], None, ["list"]),
        (["replicasets"], None, ["list"]),
        (["namespaces"], ["agents"], ["get"]),
    ]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "evalcampaign-controller", "namespace": "evalcampaign"}
    ]


def test_one_that_writes_a_file_has_no_token_and_the_sidecar_beside_it_has() -> None:
    changed = patches("operator-db")
    assert CONTAINER["env"][3]["name"] == "AGENT_REPORT"
    assert changed["containers/0/env/3"] == {"name": "AGENT_REPORT", "value": "/shared/operator.db"}
    assert "/shared/operator.db" in FORWARD["command"]
    # The token's place is taken by the shared folder.
    assert CONTAINER["volumeMounts"][0]["name"] == "token"
    assert changed["containers/0/volumeMounts/0"] == {"name": "shared", "mountPath": "/shared"}
    token = {each["name"]: each["mountPath"] for each in FORWARD["volumeMounts"]}["token"]
    assert f"{token}/token" in FORWARD["args"]


def test_the_campaigns_that_come_with_it_start_this_very_deployment() -> None:
    assert {CampaignSpec.model_validate(each["spec"]).mode.value for each in CAMPAIGNS.values()} == {
        "agent",
        "baseline",
        "control",
    }
    for campaign in CAMPAIGNS.values():
        workload = campaign["spec"]["agent"]["workload"]
        assert workload == {"namespace": "agents", "name": DEPLOYMENT["metadata"]["name"]}


def test_the_agent_and_its_baseline_are_asked_the_same_about_the_same_targets() -> None:
    with_agent, baseline = (dict(CAMPAIGNS[name]["spec"]) for name in ("agent-node-down", "agent-node-down-baseline"))
    for own in ("mode", "agent", "variant"):
        with_agent.pop(own, None)
        baseline.pop(own, None)
    assert with_agent == baseline
