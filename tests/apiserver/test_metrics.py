"""The component that opens the metrics, laid over the shipped controller as docs/metrics.md says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import yaml

from cluster.apiserver.kubectl import Kubectl

MANIFESTS = Path(__file__).parents[2] / "manifests"


def test_the_api_server_takes_the_controller_with_its_metrics_opened(
    kubectl: Kubectl, shipped: None, tmp_path: Path
) -> None:
    folder = tmp_path.resolve()  # kustomize takes relative paths only
    controller, metrics = (os.path.relpath(MANIFESTS / each, folder) for each in ("controller", "metrics"))
    asked = {"resources": [controller], "components": [metrics]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(asked))
    answer = kubectl.run("apply", "-k", folder, "--dry-run=server", "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    applied = {(each["kind"], each["metadata"]["name"]): each for each in json.loads(answer.out)["items"]}
    assert {("Service", "evalcampaign-metrics"), ("NetworkPolicy", "evalcampaign-metrics")} <= set(applied)

    template = applied["Deployment", "evalcampaign-controller"]["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == "8092"
    [container] = template["spec"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert (environment["EVALCAMPAIGN_METRICS_HOST"], environment["EVALCAMPAIGN_METRICS_PORT"]) == ("0.0.0.0", "8092")
    assert environment["EVALCAMPAIGN_DB"] == "sqlite:////data/records.db", "nothing else has gone"
    assert {each["name"] for each in container["ports"]} == {"probe", "intake", "metrics"}
