"""In the cluster nobody reads the metrics over the network unless the component is added; then those it names do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from controller.settings import LOCALHOST, Settings

MANIFESTS = Path(__file__).parents[3] / "manifests"
PAGE = (MANIFESTS.parent / "docs" / "metrics.md").read_text()


def read(file: str) -> dict[str, Any]:
    [document] = yaml.safe_load_all((MANIFESTS / file).read_text())
    return dict(document)


def container(file: str) -> dict[str, Any]:
    [only] = read(file)["spec"]["template"]["spec"]["containers"]
    return dict(only)


def settings(*files: str) -> Settings:
    environment = {each["name"]: each.get("value", "") for file in files for each in container(file)["env"]}
    return Settings.from_environment(environment)


COMPONENT = read("metrics/kustomization.yaml")
POLICY = read("metrics/isolation.yaml")


def test_as_it_ships_the_controller_listens_where_only_a_port_forward_gets_to() -> None:
    shipped = settings("controller/deployment.yaml")
    assert (shipped.metrics_host, shipped.metrics_port) == (LOCALHOST, 8092)
    assert "metrics" not in {port["name"] for port in container("controller/deployment.yaml")["ports"]}


def test_with_the_component_it_listens_for_all_on_the_port_that_everything_names() -> None:
    opened = settings("controller/deployment.yaml", "metrics/deployment.yaml")
    assert opened.metrics_host == "0.0.0.0"
    assert container("metrics/deployment.yaml")["ports"] == [{"name": "metrics", "containerPort": opened.metrics_port}]
    [service_port] = read("metrics/service.yaml")["spec"]["ports"]
    assert (service_port["port"], service_port["targetPort"]) == (opened.metrics_port, "metrics")
    annotations = read("metrics/deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert (annotations["prometheus.io/port"], annotations["prometheus.io/path"]) == (
        str(opened.metrics_port),
        "/metrics",
    )


def test_the_component_is_one_uses_every_file_and_changes_this_very_container() -> None:
    patches = [each["path"] for each in COMPONENT["patches"]]
    files = {path.name for path in (MANIFESTS / "metrics").iterdir()}
    assert COMPONENT["kind"] == "Component" and files == {"kustomization.yaml", *COMPONENT["resources"], *patches}
    shipped, change = read("controller/deployment.yaml"), read("metrics/deployment.yaml")
    assert (change["kind"], change["metadata"]["name"]) == (shipped["kind"], shipped["metadata"]["name"])
    assert container("metrics/deployment.yaml")["name"] == container("controller/deployment.yaml")["name"]
    ours = read("controller/kustomization.yaml")["namespace"]
    assert {read(f"metrics/{file}")["metadata"]["namespace"] for file in [*COMPONENT["resources"], *patches]} == {ours}


def test_each_door_lets_in_its_own_and_no_policy_is_about_another_pod() -> None:
    doors = {}
    for policy in (read("controller/isolation.yaml"), POLICY):
        [rule] = policy["spec"]["ingress"]
        [port] = rule["ports"]
        doors[port["port"]] = [source["namespaceSelector"]["matchLabels"] for source in rule["from"]]
        labels = read("controller/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert policy["spec"]["policyTypes"] == ["Ingress"], "what the controller asks for is not restricted"
    assert doors == {
        # The second is what the label was called first.
        "intake": [{"ticket-sender": "true"}, {"evalcampaign.dev/agents": "true"}],
        "metrics": [{"evalcampaign.dev/monitoring": "true"}],
    }
    ports = {
        each["name"] for file in ("controller", "metrics") for each in container(f"{file}/deployment.yaml")["ports"]
    }
    assert set(doors) == ports - {"probe"}


def test_the_service_monitor_that_the_page_shows_finds_the_service() -> None:
    shown = next(text for text in PAGE.split("```yaml\n") if "ServiceMonitor" in text).split("```")[0]
    monitor, service = yaml.safe_load(shown), read("metrics/service.yaml")
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["spec"]["endpoints"]] == [service["spec"]["ports"][0]["name"]]
