"""From nothing to finished campaigns, among them one whose faults heal by themselves and one whose faults do not.

The demo runs the command line that it advertises: each command is printed as a person would type it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from cluster import kubectl, lifecycle, tools
from cluster.demonstration import campaigns as demo_campaigns
from cluster.demonstration.campaigns import Example, read_examples
from cluster.deployment import deploy, image
from cluster.deployment.subjects import named
from cluster.deployment.subjects.base import Subject
from cluster.errors import SetupError
from cluster.progress import Stages, note, note_times
from cluster.settings import CONTEXT, REPO
from controller.api import Phase
from controller.cli.cluster.api import Api
from controller.cli.cluster.campaigns import Campaigns, CampaignSnapshot
from controller.cli.cluster.errors import CommandFailed
from controller.printable import printable

EXAMPLES = {
    "tikv": ("examples/tikv-node-kill.yaml", "examples/tikv-node-down.yaml", "examples/tikv-pd-leader-kill.yaml"),
    "etcd": ("examples/etcd-node-kill.yaml", "examples/etcd-node-down.yaml"),
}

NAMESPACE = "default"
"""The namespace in which `kubectl apply -f` creates what names none."""

STALL_SECONDS = 300
"""No step of a short campaign takes so long: a controller that reports nothing new for this long is stuck."""

WIDTH = 160
"""Columns of a table where the output is no terminal."""

INTERRUPTED = 130

GONE = "gone"


def demo(name: str) -> None:
    """Runs the demo on the subject of that name. Raises SetupError when a campaign ends otherwise than Complete."""
    started = time.monotonic()
    subject, examples = named(name), read_examples(REPO, EXAMPLES[name])
    names = [example.name for example in examples]
    _chapter("1/4 The cluster")
    lifecycle.up(image.ensure_built)
    _chapter(f"2/4 The controller, and {subject.title} for it to break")
    deploy.deploy([name])
    _chapter("3/4 Its campaigns")
    try:
        campaigns = Campaigns(Api.connect(CONTEXT), NAMESPACE)
        _create(campaigns, examples)
        note(f"\nOne campaign at a time has {subject.title}; the others wait for their turn.")
        _watch(names)
        ended = demo_campaigns.find(campaigns, names)
    except CommandFailed as error:
        raise SetupError(str(error)) from None
    _chapter("4/4 What they found")
    _print_results(subject, names)
    _require_complete(ended, names)
    note_times()
    note(f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes.")
    note(_next_steps(names))


def _chapter(title: str) -> None:
    note(f"\n== {title}")


def _create(campaigns: Campaigns, examples: Sequence[Example]) -> None:
    stages = Stages()
    if earlier := demo_campaigns.find(campaigns, [example.name for example in examples]):
        with stages.stage(f"deleting {' and '.join(each.name for each in earlier)} of an earlier run (records stay)"):
            demo_campaigns.delete(campaigns, earlier)
    for example in examples:
        with stages.stage(f"creating {example.name}, as `kubectl apply -f {example.file}` does"):
            demo_campaigns.create(campaigns, example)


def _watch(names: Sequence[str]) -> None:
    """Runs `evalcampaign watch` until the campaigns have ended. Whether they completed is looked at afterwards."""
    words = ("watch", *names, "-n", NAMESPACE, "--stall-seconds", str(STALL_SECONDS))
    note(f"$ {_typed(*words)}")
    try:
        # The terminal is the command's own: it redraws lines there, and Ctrl-C reaches it too.
        status = subprocess.run(_evalcampaign(*words), env=_environment(), check=False).returncode
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:
        note(f"Delete them: kubectl --context {CONTEXT} -n {NAMESPACE} delete evalcampaigns {' '.join(names)}")
        raise SystemExit(INTERRUPTED)


def _print_results(subject: Subject, names: Sequence[str]) -> None:
    """Prints the results to standard output: they are what one may want to keep."""
    if remark := subject.remark():
        print(f"\n{remark}")
    print(f"\n$ kubectl get evalcampaigns -n {NAMESPACE}")
    answer = kubectl.attempt("get", "evalcampaigns", "-n", NAMESPACE)
    print(printable(answer.stdout or answer.stderr).rstrip(), flush=True)
    for words in (("list",), *(("trials", f"{NAMESPACE}/{name}") for name in names)):
        print(f"\n$ {_typed(*words)}", flush=True)
        subprocess.run(_evalcampaign(*words), env=_environment(), check=False)


def _evalcampaign(*words: str) -> list[str]:
    """Returns the command line of this source tree, for the demo's cluster."""
    return [sys.executable, "-m", "controller.cli", *words, "--context", CONTEXT]


def _environment() -> dict[str, str]:
    """Returns the environment of a command. Without a terminal, tables would be as wide as their cells."""
    width = {} if sys.stdout.isatty() else {"COLUMNS": str(WIDTH)}
    # The records are asked of the controller in the cluster, whichever database the person's shell names.
    return {**{name: value for name, value in os.environ.items() if name != "EVALCAMPAIGN_DB"}, **width}


def _typed(*words: str) -> str:
    """Returns a command as a person types it in this folder: by its name where it is installed."""
    program = "evalcampaign" if shutil.which("evalcampaign") else "./cluster/bootstrap.sh python -m controller.cli"
    return " ".join((program, *words, "--context", CONTEXT))


def _require_complete(ended: Sequence[CampaignSnapshot], names: Sequence[str]) -> None:
    phases = {each.name: each.status.phase.value for each in ended}
    bad = [name for name in names if phases.get(name) != Phase.COMPLETE.value]
    if not bad:
        return
    conditions = [
        f"{each.name}: {c.type}={c.status} {c.reason}: {c.message}"
        for each in ended
        if each.name in bad
        for c in each.status.conditions
    ]
    raise SetupError(
        f"{' and '.join(f'{name} is {phases.get(name) or GONE}' for name in bad)}.",
        tail="\n".join(conditions),
        hint=f"kubectl --context {CONTEXT} -n {deploy.NAMESPACE} logs deploy/{deploy.CONTROLLER}",
    )


def _next_steps(names: Sequence[str]) -> str:
    """Returns commands that work as they stand."""
    cluster = f"kubectl --context {CONTEXT}"
    steps = [
        ("one trial, event by event", _typed("show", f"{NAMESPACE}/{names[0]}", "--trial", "1")),
        ("what a campaign's spec may contain", f"{cluster} explain evalcampaign.spec"),
        ("the Events of the campaigns", f"{cluster} get events --field-selector involvedObject.kind=EvalCampaign"),
        ("a campaign's status and conditions", f"{cluster} describe evalcampaign {names[1]}"),
        ("a copy of the records", _typed("backup", "records.db")),
        ("leave nothing running", "make cluster-delete"),
    ]
    if not shutil.which("kubectl"):
        steps.insert(0, ("where kubectl is", f"export PATH=$PATH:{tools.binary('kubectl').parent}"))
    return "\nWhat to try next:" + "".join(f"\n  # {what}\n  {command}" for what, command in steps)
