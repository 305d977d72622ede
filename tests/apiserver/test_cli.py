"""The command line against a real API server: no kubectl in it, a campaign whose status the test writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.apiserver.controlplane import ControlPlane
from cluster.apiserver.kubectl import Kubectl
from controller.api import CampaignStatus, CurrentAttempt, Outcome, Phase, RecentAttempt, Step, Summary
from tests.apiserver.campaigns import NOON, campaign, finished, write_status
from tests.apiserver.conftest import CONTROLLER_NAMESPACE, REPO, KubectlAs, MakeNamespace

ASKED = ("run", "--subject", "etcd", "--chaos", "node_kill", "--trials", "3", "--name", "asked")
BASELINE = (*ASKED, "--baseline")
SECONDS = 180


class Cli:
    """`evalcampaign` as a person runs it, with a kubeconfig and nothing else."""

    def __init__(self, kubeconfig: Path) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EVALCAMPAIGN")}
        self._environment = environment | {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(REPO)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begun, and not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "controller.cli", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err


@pytest.fixture
def cli(control_plane: ControlPlane, crd: None) -> Cli:
    return Cli(control_plane.admin_kubeconfig())


def until(look: Callable[[], Any]) -> Any:
    """What `look` returns, once it is something."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def there(kubectl: Kubectl, namespace: str) -> Any:
    """The campaign `asked`, once somebody has made it."""
    return until(lambda: kubectl.run("get", "ec", "asked", "-n", namespace).code == 0) and kubectl.json(
        "get", "ec", "asked", "-n", namespace
    )


def running() -> CampaignStatus:
    """In the middle of its second trial."""
    ended = RecentAttempt(
        trial=1, attempt=1, outcome=Outcome.SELF_HEALED, target="etcd-1", time_to_recover="8.2s", ended_at=NOON
    )
    return CampaignStatus(
        phase=Phase.RUNNING,
        message="3 trials of node_kill",
        summary=Summary(planned=3, done=1, progress="1/3", scored=1),
        current=CurrentAttempt(trial=2, attempt=1, step=Step.OBSERVE, since=NOON, message="etcd-0 is not Ready"),
        recent=[ended],
    )


def test_run_creates_what_was_asked_and_tells_it_to_the_end(cli: Cli, kubectl: Kubectl, namespace: str) -> None:
    with cli.start(*BASELINE, "-n", namespace, "--param", "count=1", "--fail-under", "0.2") as process:
        spec = there(kubectl, namespace)["spec"]
        assert (spec["mode"], spec["trials"]) == ("baseline", 3)
        assert (spec["subject"]["namespace"], spec["chaos"]["params"]) == ("etcd", {"count": 1})
        assert write_status(kubectl, namespace, running()).code == 0
        time.sleep(1)  # the moment in between is to be seen
        assert write_status(kubectl, namespace, finished()).code == 0
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert "trial 1/3 on etcd-1: SelfHealed, recovered after 8.2s" in out
    assert "trial 2/3: observe, etcd-0 is not Ready" in out
    assert "Complete: All 3 trials are done." in out
    assert "recovered 2/3 (67%), median time to recover 8.2s" in out
    assert "The recovery rate is 2 of 3; the lower bound of its 95 % interval, 0.208, is not under 0.2." in out


def test_a_rate_that_is_too_low_exits_with_3_and_a_campaign_that_failed_with_1(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    with cli.start(*BASELINE, "-n", namespace, "--fail-under", "0.9") as process:
        there(kubectl, namespace)
        write_status(kubectl, namespace, finished())
        out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 3 and "0.208, is under 0.9." in out
    write_status(kubectl, namespace, CampaignStatus(phase=Phase.FAILED, message="the subject is gone"))
    code, out, _ = cli("watch", "asked", "-n", namespace)
    assert code == 1 and "Failed: the subject is gone" in out


VERSUS = ("--source", "http", "--versus", "baseline")


def test_run_versus_creates_both_follows_both_and_says_how_to_compare_them(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    with cli.start(*ASKED, *VERSUS, "-n", namespace) as process:
        first = there(kubectl, namespace)["spec"]
        until(lambda: kubectl.run("get", "ec", "asked-baseline", "-n", namespace).code == 0)
        second = kubectl.json("get", "ec", "asked-baseline", "-n", namespace)["spec"]
        for name in ("asked", "asked-baseline"):
            write_status(kubectl, namespace, finished(), name)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert (first["mode"], second["mode"]) == ("agent", "baseline")
    assert first["seed"] == second["seed"] and f"with seed {first['seed']}" in err
    assert (first["interleave"], second["interleave"]) == (
        {"group": "asked", "arm": "agent"},
        {"group": "asked", "arm": "baseline"},
    )
    for name in ("asked", "asked-baseline"):
        assert f"{name}: Complete: All 3 trials are done." in out
    assert f"evalcampaign compare {namespace}/asked {namespace}/asked-baseline" in err


def test_run_versus_as_json_prints_both_and_nothing_else(cli: Cli, kubectl: Kubectl, namespace: str) -> None:
    with cli.start(*ASKED, *VERSUS, "-n", namespace, "--output", "json") as process:
        until(lambda: kubectl.run("get", "ec", "asked-baseline", "-n", namespace).code == 0)
        write_status(kubectl, namespace, finished())
        write_status(kubectl, namespace, CampaignStatus(phase=Phase.ABORTED), "asked-baseline")
        out, _ = process.communicate(timeout=SECONDS)
    told = [(each["name"], each["mode"], each["status"]["phase"]) for each in json.loads(out)]
    assert told == [("asked", "agent", "Complete"), ("asked-baseline", "baseline", "Aborted")]
    assert process.returncode == 1, "one of the two did not complete"


def test_where_the_second_cannot_be_created_the_first_is_not_left_behind(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(campaign(namespace, name="asked-baseline"))
    code, _, err = cli(*ASKED, *VERSUS, "-n", namespace)
    assert code == 1 and "Campaign asked-baseline was not created: " in err and "already exists" in err
    assert f"The first, {namespace}/asked, was deleted again" in err
    assert kubectl.run("get", "ec", "asked", "-n", namespace).code != 0


def test_a_pair_that_makes_no_sense_is_refused_before_anything_is_created(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    code, _, err = cli(*BASELINE, "--versus", "baseline", "-n", namespace)
    assert code == 2 and "--versus puts an agent against something" in " ".join(err.replace("│", " ").split())
    assert kubectl.json("get", "ec", "-n", namespace)["items"] == []


def test_an_interrupt_leaves_the_campaign_running_and_says_how_to_come_back(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    with cli.start(*BASELINE, "-n", namespace) as process:
        there(kubectl, namespace)
        assert process.stdout is not None and "Pending" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert f"Watch it: evalcampaign watch {namespace}/asked" in err
    assert kubectl.json("get", "ec", "asked", "-n", namespace)["spec"]["abort"] is False


def test_a_campaign_that_is_deleted_while_it_is_watched_ends_the_watch(
    cli: Cli, kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(campaign(namespace))
    with cli.start("watch", f"{namespace}/asked") as process:
        assert process.stdout is not None and "Pending" in process.stdout.readline()
        kubectl("delete", "ec", "asked", "-n", namespace)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1 and f"Campaign {namespace}/asked was deleted" in err


def test_campaigns_are_suspended_resumed_and_aborted(cli: Cli, kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))

    def control(field: str) -> Any:
        return kubectl.json("get", "ec", "asked", "-n", namespace)["spec"].get(field)

    assert cli("suspend", "asked", "-n", namespace)[0] == 0 and control("suspend") is True
    assert cli("resume", "asked", "-n", namespace)[0] == 0 and control("suspend") is False
    assert cli("abort", "asked", "-n", namespace)[0] == 0 and control("abort") is True
    write_status(kubectl, namespace, finished())
    code, _, err = cli("abort", "asked", "-n", namespace)
    assert (code, err) == (1, f"Campaign {namespace}/asked has ended already: it is Complete\n")


def test_what_only_the_api_server_knows_is_refused_in_its_own_words(cli: Cli, namespace: str) -> None:
    limits = ("--observe", "60", "--set", "deadlines.attemptSeconds=5")
    code, _, err = cli(*BASELINE, "-n", namespace, *limits)
    assert code == 1
    assert "an attempt that is watched to its end takes longer than that, and would never count" in err


def test_a_name_that_is_not_there_is_answered_with_one_that_is(cli: Cli, kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    code, _, err = cli("watch", "aksed", "-n", namespace)
    assert (code, err) == (1, f"There is no campaign aksed in namespace {namespace}; did you mean asked?\n")


def test_a_person_without_rights_is_told_so(kubectl: Kubectl, kubectl_as: KubectlAs, namespace: str) -> None:
    kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    nobody = Cli(kubectl_as(namespace, "nobody").kubeconfig)
    code, _, err = nobody(*BASELINE, "-n", namespace)
    assert code == 1 and err.startswith("The API server refused: evalcampaigns.evalcampaign.dev is forbidden")
    code, out, _ = nobody("doctor", "-n", namespace)
    assert f"warn You may not create campaigns in namespace {namespace}" in out
    assert "warn Which namespaces may be broken is unknown" in out


def test_an_agents_token_is_handed_on_to_its_namespace(
    cli: Cli, shipped: None, kubectl: Kubectl, namespace: str, make_namespace: MakeNamespace
) -> None:
    agents = make_namespace("agents")
    with cli.start(*ASKED, "-n", namespace, "--agent", f"{agents}/my-agent", "--no-wait") as process:
        made = there(kubectl, namespace)
        assert made["spec"]["agent"]["source"] == "http"
        assert made["spec"]["agent"]["workload"] == {"namespace": agents, "name": "my-agent"}
        secret = f"evalcampaign-token-{made['metadata']['uid']}"
        kubectl("create", "secret", "generic", secret, "-n", CONTROLLER_NAMESPACE, "--from-literal=token=open-sesame")
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, f"{namespace}/asked\n"), err
    copied = kubectl.json("get", "secret", "ticket-desk", "-n", agents)
    address = kubectl.json("get", "service", "evalcampaign-intake", "-n", CONTROLLER_NAMESPACE)["spec"]["clusterIP"]
    assert {key: b64decode(value).decode() for key, value in copied["data"].items()} == {
        "token": "open-sesame",
        "url": f"http://{address}:8090",
    }
    assert "evalcampaign" not in json.dumps(copied)
    assert cli("token", "asked", "-n", namespace)[:2] == (0, "open-sesame\n")


def test_the_doctor_says_of_each_thing_how_it_is(cli: Cli, shipped: None, kubectl: Kubectl, namespace: str) -> None:
    code, out, err = cli("doctor", "-n", "default", "--output", "json")
    found = {finding["message"]: finding["level"] for finding in json.loads(out)}
    assert code == 1, err
    assert found["The CRD evalcampaigns.evalcampaign.dev has the fields of this version"] == "ok"
    # No kubelet here, so no pod of the controller's ever runs.
    assert [said for said, level in found.items() if level == "fail"] == [
        "There is no controller in namespace evalcampaign"
    ]
    for subject in ("etcd", "tikv"):
        permissions = f"The controller has the permissions to break and mend what is in namespace {subject}"
        assert found[permissions] == "ok"
    kubectl("delete", "rolebinding", "managed-access", "-n", "etcd")
    try:
        code, out, _ = cli("doctor", "-n", namespace)
    finally:
        kubectl("apply", "-k", REPO / "manifests" / "subjects" / "etcd-permissions")
    assert code == 1
    assert "fail The controller lacks permissions in namespace etcd: get pods, list pods" in out
    assert f"warn Namespace tikv may be broken, but not by campaigns of {namespace}" in out
