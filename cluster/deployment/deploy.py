"""Putting the controller and the systems it may break into the cluster, and taking them out again."""

import time
from collections.abc import Iterable

from cluster import kubectl
from cluster.deployment import agent, image, overlay, preloaded, rollout, savedrecords
from cluster.deployment.subjects import SUBJECTS, named
from cluster.errors import SetupError
from cluster.progress import Stages, note
from cluster.settings import CONTEXT, REPO

NAMESPACE = "evalcampaign"
CONTROLLER = "evalcampaign-controller"
CRDS = REPO / "crds"
CRD = "crd/evalcampaigns.evalcampaign.dev"

CONTROLLER_PODS = f"app.kubernetes.io/name={CONTROLLER}"

CAMPAIGNS_GO_SECONDS = 300
"""A campaign that is deleted in mid-trial undoes its fault first, which its spec gives two minutes by default."""


def deploy(subjects: Iterable[str] = SUBJECTS) -> None:
    """The resource definition, the controller, and the subjects of these names. What is there already stays."""
    started = time.monotonic()
    chosen = [named(name) for name in subjects]
    built = image.ensure()
    images = preloaded.find()
    stages = Stages()
    ready = [(subject, subject.images(stages)) for subject in chosen]
    with stages.stage("resource definition"):
        kubectl.do("applying the CRD", "apply", "-f", CRDS)
        kubectl.do("waiting for the CRD", "wait", "--for=condition=Established", CRD, "--timeout=60s")
    # All are applied before any is waited for: they start side by side.
    for subject, named_images in ready:
        subject.apply(named_images, stages)
    with (
        stages.stage("applying the controller"),
        overlay.written(overlay.CONTROLLER, overlay.controller(built, images)) as folder,
    ):
        kubectl.do("applying the controller", "apply", "-k", folder)
    for subject in chosen:
        subject.wait(stages)
    with stages.stage("controller Ready"):
        rollout.wait(NAMESPACE, f"deployment/{CONTROLLER}", CONTROLLER_PODS)
    note(f"Deployed ({time.monotonic() - started:.0f} s): kubectl --context {CONTEXT} get evalcampaigns -A")


def deploy_subject(name: str) -> None:
    """Only a subject, and the controller's permissions over it."""
    subject, stages = named(name), Stages()
    subject.apply(subject.images(stages), stages)
    subject.wait(stages)


def undeploy(keep_records: bool = True) -> None:
    """Campaigns first, while there is a controller to let them go; a copy of the records; then all the rest."""
    started = time.monotonic()
    if kubectl.attempt("version", timeout=10).returncode != 0:
        note("There is no cluster that answers, so nothing is deployed.")
        return
    stages = Stages(4 + len(SUBJECTS))
    with stages.stage("deleting the campaigns"):
        _delete_campaigns()
    with stages.stage("saving the records"):
        saved = savedrecords.save() if keep_records else None
    agent.remove()
    with stages.stage("removing the controller"):
        kubectl.remove("the controller", "-k", overlay.CONTROLLER)
    for subject in SUBJECTS.values():
        with stages.stage(f"removing {subject.title}"):
            subject.remove()
    with stages.stage("removing the resource definition"):
        kubectl.remove("the CRD", "-f", CRDS)
    if saved:
        note(f"The records were kept: {saved}")
    note(f"Nothing of it is left in the cluster ({time.monotonic() - started:.0f} s).")


def _delete_campaigns() -> None:
    """Delete all and wait until each has been cleaned up: afterwards nobody would be there to do it."""
    if kubectl.attempt("get", CRD).returncode != 0:
        return
    limit = CAMPAIGNS_GO_SECONDS
    delete = ("delete", "evalcampaigns", "--all", "--all-namespaces", f"--timeout={limit}s")
    gone = kubectl.attempt(*delete, timeout=limit + 10)
    if gone.returncode != 0:
        left = kubectl.attempt("get", "evalcampaigns", "-A", "-o", "wide").stdout
        raise SetupError(
            f"not all campaigns went away within {limit} s: {gone.stderr.strip()}",
            tail=f"{left}\n{rollout.explain(NAMESPACE, CONTROLLER_PODS)}",
            hint="`make deploy` brings the controller back, which lets them go; how to do without: docs/running.md.",
        )
