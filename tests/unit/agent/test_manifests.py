"""What is applied for the scripted agent: little, harmless, and blind to campaigns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import CampaignSpec
from examples.agent.agent.settings import Settings

REPO = Path(__file__).parents[3]
MANIFESTS = REPO / "examples" / "agent" / "manifests"
FOLDERS = sorted(path for path in MANIFESTS.iterdir() if path.is_dir())
CAMPAIGNS = {path.stem: yaml.safe_load(path.read_text()) for path in (REPO / "examples").glob("agent-*.yaml")}


def kustomization(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return loaded


def objects(folder: str) -> dict[str, dict[str, Any]]:
    files = [file for file in kustomization(MANIFESTS / folder)["resources"] if not file.startswith("..")]
    documents = [each for file in files for each in yaml.safe_load_all((MANIFESTS / folder / file).read_text())]
    return {each["kind"]: each for each in documents}


DEPLOYMENT = objects("agent")["Deployment"]
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
[PATCH] = yaml.safe_load_all((MANIFESTS / "agent-with-file" / "forwarding.yaml").read_text())
[FORWARD] = PATCH["spec"]["template"]["spec"]["initContainers"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_file_of_a_folder_is_used(folder: Path) -> None:
    used = kustomization(folder)
    named = {*used["resources"], *(each["path"] for each in used.get("patches", []))}
    assert {"kustomization.yaml", *named} - {"../agent"} == {path.name for path in folder.iterdir()}


def test_there_is_no_pod_until_a_campaign_starts_one() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 0


def test_the_program_understands_what_the_manifests_say_to_it() -> None:
    [generated] = kustomization(MANIFESTS / "agent")["configMapGenerator"]
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": generated["name"]}}]
    said = dict(each.split("=") for each in generated["literals"])
    said |= {each["name"]: each["value"] for each in CONTAINER["env"]}
    settings = Settings.of(said)
    assert (settings.policy, settings.subject) == ("fixer", "tikv")
    assert Settings.of({"AGENT_REPORT": "x"}).ready == Path(CONTAINER["startupProbe"]["exec"]["command"][1])
    fields = {name for name in said if name.removeprefix("AGENT_").lower() in Settings.__annotations__}
    assert fields == set(said)


def test_tickets_go_where_the_controller_takes_them_with_the_token_that_is_mounted() -> None:
    [service] = yaml.safe_load_all((REPO / "manifests/controller/intake.yaml").read_text())
    url = f"http://{service['metadata']['name']}.evalcampaign:{service['spec']['ports'][0]['port']}"
    environment = {each["name"]: each["value"] for each in CONTAINER["env"]}
    mounts = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert environment == {"AGENT_REPORT": url, "AGENT_TOKEN_FILE": f"{mounts['token']}/token"}
    assert f"--to={url}" in FORWARD["command"]


def test_its_namespace_is_one_from_which_the_controller_lets_itself_be_told() -> None:
    [policy] = yaml.safe_load_all((REPO / "manifests/controller/isolation.yaml").read_text())
    [source] = policy["spec"]["ingress"][0]["from"]
    assert (
        source["namespaceSelector"]["matchLabels"].items()
        <= objects("agent")["Namespace"]["metadata"]["labels"].items()
    )


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
    role, binding = objects(f"rights-{subject}").values()
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["pods"], ["get", "list", "delete"]),
        (["statefulsets"], ["get", "list"]),
    ]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", subject)
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "scripted-agent", "namespace": "agents"}]
    assert POD["serviceAccountName"] == "scripted-agent"


def test_nothing_in_the_subjects_namespace_tells_of_an_evaluation() -> None:
    applied = "".join(yaml.safe_dump(list(objects(f"rights-{subject}").values())) for subject in ("tikv", "etcd"))
    assert re.findall(r"\b(?:chaos|fault|trial|eval|campaign)\w*", applied.lower()) == []


def test_campaigns_may_start_and_stop_the_agent_and_no_other() -> None:
    role, binding = objects("scaling").values()
    name = DEPLOYMENT["metadata"]["name"]
    assert [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in role["rules"]] == [
        (["deployments"], [name], ["get"]),
        (["deployments/scale"], [name], ["get", "patch"]),
        (["pods"], None, ["list"]),
    ]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "evalcampaign-controller", "namespace": "evalcampaign"}
    ]


def test_one_that_writes_a_file_has_no_token_and_the_sidecar_beside_it_has() -> None:
    [patched] = PATCH["spec"]["template"]["spec"]["containers"]
    report = {each["name"]: each.get("value") for each in patched["env"]}
    assert report == {"AGENT_REPORT": "/shared/operator.db", "AGENT_TOKEN_FILE": None}
    assert f"--db={report['AGENT_REPORT']}" in FORWARD["command"]
    gone = [each["mountPath"] for each in patched["volumeMounts"] if each.get("$patch") == "delete"]
    assert gone == [each["mountPath"] for each in CONTAINER["volumeMounts"] if each["name"] == "token"]
    assert {each["name"]: each["mountPath"] for each in FORWARD["volumeMounts"]}["token"] == gone[0]
    assert FORWARD["restartPolicy"] == "Always"


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
