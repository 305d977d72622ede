"""Putting the controller and the etcd it may break into the cluster, and taking them out again."""

import time

from cluster import kubectl
from cluster.deployment import image, overlay, preloaded, rollout, savedrecords
from cluster.errors import ClusterError
from cluster.progress import Stages, note
from cluster.settings import CONTEXT, REPO

NAMESPACE = "evalcampaign"
CONTROLLER = "evalcampaign-controller"
CRDS = REPO / "crds"
CRD = "crd/evalcampaigns.evalcampaign.dev"
SUBJECT_NAMESPACE = "etcd"

CONTROLLER_PODS = f"app.kubernetes.io/name={CONTROLLER}"
SUBJECT_PODS = "app.kubernetes.io/name=etcd"

CAMPAIGNS_GO_SECONDS = 180
"""A campaign that is deleted in mid-trial undoes its fault first, which its spec gives two minutes by default."""


def deploy() -> None:
    """All of it: the resource definition, the controller, the etcd. What is there already stays as it is."""
    started = time.monotonic()
    built = image.ensure()
    images = preloaded.find()
    stages = Stages(4)
    with stages.stage("resource definition"):
        kubectl.do("applying the CRD", "apply", "-f", CRDS)
        kubectl.do("waiting for the CRD", "wait", "--for=condition=Established", CRD, "--timeout=60s")
    # Both are applied before either is waited for: they start side by side.
    with stages.stage("applying etcd and controller"):
        _apply_etcd(images)
        with overlay.written(overlay.CONTROLLER, overlay.controller(built, images)) as folder:
            kubectl.do("applying the controller", "apply", "-k", folder)
    with stages.stage("etcd: three members Ready"):
        _await_etcd()
    with stages.stage("controller Ready"):
        rollout.wait(NAMESPACE, f"deployment/{CONTROLLER}", CONTROLLER_PODS)
    note(f"Deployed ({time.monotonic() - started:.0f} s): kubectl --context {CONTEXT} get evalcampaigns -A")


def deploy_etcd() -> None:
    """Only the etcd, and the controller's powers over it."""
    images = preloaded.find()
    stages = Stages(2)
    with stages.stage("applying etcd"):
        _apply_etcd(images)
    with stages.stage("etcd: three members Ready"):
        _await_etcd()


def _apply_etcd(images: preloaded.Preloaded) -> None:
    with overlay.written(overlay.ETCD, overlay.etcd(images)) as folder:
        kubectl.do("applying etcd", "apply", "-k", folder)
    kubectl.do("applying the powers over etcd", "apply", "-k", overlay.ETCD_POWERS)


def _await_etcd() -> None:
    rollout.wait(SUBJECT_NAMESPACE, "statefulset/etcd", SUBJECT_PODS)


def undeploy(keep_records: bool = True) -> None:
    """Campaigns first, while there is a controller to let them go; a copy of the records; then all the rest."""
    started = time.monotonic()
    if kubectl.attempt("version", timeout=10).returncode != 0:
        note("There is no cluster that answers, so nothing is deployed.")
        return
    stages = Stages(5)
    with stages.stage("deleting the campaigns"):
        _delete_campaigns()
    with stages.stage("saving the records"):
        saved = savedrecords.save() if keep_records else None
    with stages.stage("removing the controller"):
        _delete("the controller", "-k", overlay.CONTROLLER)
    with stages.stage("removing etcd"):
        _delete("the powers over etcd", "-k", overlay.ETCD_POWERS)
        _delete("etcd", "-k", overlay.ETCD)
    with stages.stage("removing the resource definition"):
        _delete("the CRD", "-f", CRDS)
    if saved:
        note(f"The records were kept: {saved}")
    note(f"Nothing of it is left in the cluster ({time.monotonic() - started:.0f} s).")


def _delete(what: str, *target: object) -> None:
    kubectl.do(f"removing {what}", "delete", *map(str, target), "--ignore-not-found", "--timeout=180s")


def _delete_campaigns() -> None:
    """Delete all and wait until each has been cleaned up: afterwards nobody would be there to do it."""
    if kubectl.attempt("get", CRD).returncode != 0:
        return
    limit = CAMPAIGNS_GO_SECONDS
    delete = ("delete", "evalcampaigns", "--all", "--all-namespaces", f"--timeout={limit}s")
    gone = kubectl.attempt(*delete, timeout=limit + 10)
    if gone.returncode != 0:
        left = kubectl.attempt("get", "evalcampaigns", "-A", "-o", "wide").stdout
        raise ClusterError(
            f"not all campaigns went away within {limit} s: {gone.stderr.strip()}",
            tail=f"{left}\n{rollout.explain(NAMESPACE, CONTROLLER_PODS)}",
            hint="`make deploy` brings the controller back, which lets them go; how to do without: docs/running.md.",
        )
