"""`python -m controller` on a person's own machine, against the current kubeconfig context."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import kubectl, tools
from cluster.settings import CLUSTER, REPO
from tests.e2e.campaigns import Campaigns, records

DEPLOYMENT = "deployment/evalcampaign-controller"
OUTSIDE = "from-outside"
PODS = ("-l", "app.kubernetes.io/name=evalcampaign-controller")


@pytest.fixture
def nobody_inside() -> Iterator[None]:
    """The controller in the cluster rests for the test: two would both drive every campaign."""
    scale = ("-n", "evalcampaign", "scale", DEPLOYMENT)
    kubectl.ask("stopping the controller", *scale, "--replicas=0")
    try:
        gone = ("wait", "--for=delete", "pod", *PODS, "--timeout=200s")
        kubectl.ask("waiting until it is gone", "-n", "evalcampaign", *gone, timeout=210)
        yield
    finally:
        kubectl.ask("starting the controller", *scale, "--replicas=1")
        rollout = ("-n", "evalcampaign", "rollout", "status", DEPLOYMENT, "--timeout=1200s")
        kubectl.ask("waiting for the controller", *rollout, timeout=310)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a kubeconfig whose current context is the test's cluster, whatever the user's is."""
    kubeconfig = tmp_path / "kubeconfig"
    export = [str(tools.binary("kind")), "get", "kubeconfig", "--name", CLUSTER]
    kubeconfig.write_text(subprocess.run(export, capture_output=True, text=True, check=True, timeout=120).stdout)
    return {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "EVALCAMPAIGN_DB": f"sqlite:///{tmp_path}/own.db",
        "PYTHONPATH": str(REPO),
    }


def test_a_controller_outside_the_cluster_completes_a_campaign(
    campaigns: Campaigns, nobody_inside: None, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "controller.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "controller"]
        with subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT) as controller:
            try:
                name = campaigns.apply(OUTSIDE, "node_kill", trials=1, observe_seconds=60)
                campaigns.wait_finished(name)
                status = campaigns.get(name)["status"]
            finally:
                controller.send_signal(signal.SIGTERM)
                controller.wait(timeout=120)
    assert status["phase"] == "Complete", log.read_text()
    assert controller.returncode == 0, log.read_text()
    trials = [sys.executable, "-m", "controller.cli", "trials", name, "--output", "json"]
    answer = subprocess.run(trials, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert [row["outcome"] for row in json.loads(answer.stdout)][-1] == "SelfHealed"


def test_a_campaign_that_finished_under_other_records_is_not_run_again(campaigns: Campaigns) -> None:
    # The controller in the cluster is back. Letting a campaign go comes after whatever else it would do with it.
    assert campaigns.get(OUTSIDE)["status"]["phase"] == "Complete"
    campaigns.delete(OUTSIDE)
    assert OUTSIDE not in [each["name"] for each in records("list") if each["namespace"] == campaigns.namespace]
