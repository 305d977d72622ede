"""The command line from a person's own machine, against the cluster: a port-forward through a real kubelet."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster import tools
from cluster.settings import CLUSTER, REPO
from tests.e2e.campaigns import Campaigns, records

NAME = "by-command-line"
SECONDS = 900
QUICK = ("--set", "quietPeriod.minSeconds=0", "--set", "quietPeriod.maxSeconds=0")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A kubeconfig whose current context is the test's cluster, and no database."""
    kubeconfig = tmp_path_factory.mktemp("cli") / "kubeconfig"
    export = [str(tools.binary("kind")), "get", "kubeconfig", "--name", CLUSTER]
    kubeconfig.write_text(subprocess.run(export, capture_output=True, text=True, check=True, timeout=120).stdout)
    own = {key: value for key, value in os.environ.items() if not key.startswith("EVALCAMPAIGN")}
    return {**own, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(REPO)}


@pytest.fixture(scope="module")
def ran(campaigns: Campaigns, environment: dict[str, str]) -> str:
    """One trial on etcd, asked for and followed by `run`; what it printed."""
    campaigns.adopt(NAME)
    asked = ("--subject", "etcd", "--chaos", "node_kill", "--baseline", "--trials", "1", "--observe", "60")
    where = ("--name", NAME, "-n", campaigns.namespace, "--fail-under", "0.2")
    done = evalcampaign(environment, "run", *asked, "--settle", "2", *QUICK, *where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def evalcampaign(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "controller.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


def said(environment: dict[str, str], *arguments: str) -> str:
    done = evalcampaign(environment, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_run_follows_a_campaign_to_its_end(ran: str) -> None:
    assert "trial 1/1: observe" in ran and "trial 1/1 on etcd-" in ran
    assert "recovered 1/1 (100%)" in ran and "The recovery rate is 1 of 1" in ran


@pytest.mark.parametrize("command", [("list",), ("trials",), ("show", "--trial", "1")])
def test_records_read_through_a_port_forward_are_those_in_the_pod(
    ran: str, campaigns: Campaigns, environment: dict[str, str], command: tuple[str, ...]
) -> None:
    name, *options = command
    words = [name] if name == "list" else [name, f"{campaigns.namespace}/{NAME}", *options]
    outside: Any = json.loads(said(environment, *words, "--output", "json"))
    assert outside == records(*words)


def test_an_export_and_a_backup_come_whole_through_the_port_forward(
    ran: str, campaigns: Campaigns, environment: dict[str, str], tmp_path: Path
) -> None:
    campaign = f"{campaigns.namespace}/{NAME}"
    rows = list(csv.DictReader(io.StringIO(said(environment, "export", campaign, "--format", "csv"))))
    assert [row["outcome"] for row in rows][-1] == "SelfHealed"
    said(environment, "backup", str(tmp_path / "records.db"))
    copy = said(environment, "export", campaign, "--db", f"sqlite:///{tmp_path}/records.db")
    assert json.loads(copy) == json.loads(said(environment, "export", campaign))


def test_unlock_runs_in_the_pod_and_its_answer_comes_back(environment: dict[str, str]) -> None:
    refused = evalcampaign(environment, "unlock", "etcd/nowhere", "--yes")
    assert refused.returncode == 1 and "'etcd/nowhere' is not locked" in refused.stderr


def test_the_doctor_finds_nothing_that_fails_in_a_deployment_as_it_should_be(
    campaigns: Campaigns, environment: dict[str, str]
) -> None:
    done = evalcampaign(environment, "doctor", "-n", campaigns.namespace, "--output", "json")
    assert done.returncode == 0, done.stdout
    well = [finding["message"] for finding in json.loads(done.stdout) if finding["level"] == "ok"]
    assert any("its records can be read from here" in each for each in well), done.stdout
    for subject in ("etcd", "tikv"):
        assert f"The controller has the permissions to break and mend what is in namespace {subject}" in well
