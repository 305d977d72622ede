"""What happens in the middle of a trial: the campaign is deleted, the controller is stopped."""

from __future__ import annotations

import time

from cluster import kind, kubectl, run
from controller.api import Step
from controller.cli.cluster.campaigns import CampaignSnapshot
from tests.e2e.campaigns import Campaigns
from tests.e2e.systems import ETCD

CONTROLLER = "app.kubernetes.io/name=evalcampaign-controller"


def await_controller() -> None:
    rollout = ("-n", "evalcampaign", "rollout", "status", "deployment/evalcampaign-controller", "--timeout=300s")
    kubectl.ask("waiting for the controller", *rollout, timeout=310)


def observing(seen: CampaignSnapshot) -> bool:
    """The fault has been applied, and its effect is watched."""
    return seen.status.current is not None and seen.status.current.step is Step.OBSERVE


def test_a_campaign_that_is_deleted_in_mid_trial_leaves_etcd_healthy_and_its_row_aborted(campaigns: Campaigns) -> None:
    name = campaigns.apply("deleted", "node_down", trials=2, observe_seconds=600)
    with ETCD.watched() as history:
        campaigns.wait_until(name, observing)
        started = time.monotonic()
        campaigns.delete(name)
        took = time.monotonic() - started
        ETCD.wait_until_healthy()
    rows = campaigns.rows(name)
    assert [(row["trial"], row["attempt"], row["outcome"]) for row in rows] == [(1, 1, "Aborted")]
    assert [replaced.uid for replaced in history.replaced] == [rows[0]["fault"]["targets"][0]["uid"]]
    # A pod comes anew meanwhile; the 600 s of the window are not waited for.
    assert took < 300


def test_a_controller_that_is_stopped_in_mid_trial_cleans_up_and_runs_the_trial_again(campaigns: Campaigns) -> None:
    name = campaigns.apply("restarted", "node_down", trials=1, observe_seconds=10)
    campaigns.wait_until(name, observing)
    kubectl.ask("stopping it", "-n", "evalcampaign", "delete", "pod", "-l", CONTROLLER, timeout=200)
    await_controller()
    campaigns.wait_finished(name)
    first, *others = campaigns.rows(name)
    assert (first["attempt"], first["outcome"]) == (1, "Interrupted")
    assert (others[-1]["trial"], others[-1]["outcome"]) == (1, "NotHealed")
    # On a busy machine an attempt may not come to its injection; that says nothing about restarts.
    assert {row["outcome"] for row in others[:-1]} <= {"InfraError"}
    assert campaigns.get(name)["status"]["phase"] == "Complete"
    # The fault is reverted when the pod is a new one; becoming Ready takes that one a little longer.
    ETCD.wait_until_healthy()


def test_what_a_campaign_without_its_finalizer_left_is_undone_when_a_controller_comes_back(
    campaigns: Campaigns,
) -> None:
    name = campaigns.apply("orphaned", "node_down", trials=2, observe_seconds=600)
    campaigns.wait_until(name, observing)
    # Killed without a chance to clean up (from the node: deleting its pod, however forcibly, would tell it), and kept
    # away while somebody gets rid of the campaign by force.
    run.output(["docker", "exec", kind.NODE, "pkill", "-KILL", "-f", "python3 -m controller"], "killing the controller")
    scale = ("-n", "evalcampaign", "scale", "deployment/evalcampaign-controller")
    kubectl.ask("keeping it away", *scale, "--replicas=0")
    try:
        gone = ("-n", "evalcampaign", "wait", "--for=delete", "pod", "-l", CONTROLLER, "--timeout=200s")
        kubectl.ask("waiting until it is away", *gone, timeout=210)
        kubectl.ask("deleting", "-n", campaigns.namespace, "delete", "evalcampaign", name, "--wait=false")
        drop = ("patch", "evalcampaign", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        kubectl.ask("dropping the finalizer", "-n", campaigns.namespace, *drop)
    finally:
        kubectl.ask("letting it come back", *scale, "--replicas=1")
        await_controller()
    ETCD.wait_until_healthy()
    assert [row["outcome"] for row in campaigns.rows(name)] == ["Aborted"]
