"""From nothing to finished campaigns, among them one whose faults heal by themselves and one whose faults do not."""

import shutil
import sys
import time
from collections.abc import Sequence

from cluster import kubectl, lifecycle, tools
from cluster.demonstration import campaigns
from cluster.demonstration.campaigns import Seen
from cluster.demonstration.follow import follow
from cluster.deployment import deploy, image
from cluster.deployment.subjects import named
from cluster.deployment.subjects.base import Subject
from cluster.errors import ClusterError
from cluster.progress import Stages, note, note_times
from cluster.settings import CONTEXT, REPO
from controller.api import Phase
from controller.printable import printable

EXAMPLES = {
    "tikv": ("examples/tikv-node-kill.yaml", "examples/tikv-node-down.yaml", "examples/tikv-pd-leader-kill.yaml"),
    "etcd": ("examples/etcd-node-kill.yaml", "examples/etcd-node-down.yaml"),
}
# Where `kubectl apply -f` puts what names no namespace.
NAMESPACE = "default"


def demo(name: str) -> None:
    """All of it, on the subject of that name. ClusterError when a campaign ended otherwise than Complete."""
    started = time.monotonic()
    subject, files = named(name), EXAMPLES[name]
    names = [name for file in files for name in campaigns.names_in(REPO / file)]
    _chapter("1/4 The cluster")
    lifecycle.up(image.ensure_built)
    _chapter(f"2/4 The controller, and {subject.title} for it to break")
    deploy.deploy([name])
    _chapter("3/4 Its campaigns")
    ended = _run(subject, files, names)
    _chapter("4/4 What they found")
    _print_results(subject, names)
    _require_complete(ended)
    note_times()
    note(f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes.")
    note(_next_steps(names))


def _chapter(title: str) -> None:
    note(f"\n== {title}")


def _run(subject: Subject, files: Sequence[str], names: list[str]) -> dict[str, Seen]:
    stages = Stages()
    if earlier := campaigns.existing(names, NAMESPACE):
        with stages.stage(f"deleting {' and '.join(earlier)} of an earlier run (their records stay)"):
            campaigns.delete(earlier, NAMESPACE)
    for file in files:
        with stages.stage(f"kubectl apply -f {file}"):
            kubectl.do(f"applying {file}", "-n", NAMESPACE, "apply", "-f", REPO / file)
    note(f"One campaign at a time has {subject.title}; the others wait for their turn. Minutes and seconds from here:")
    try:
        with campaigns.watching(NAMESPACE) as watch:
            return follow(watch, names)
    except KeyboardInterrupt:
        note(
            f"\nYou stopped watching; the campaigns go on.\n"
            f"  watch on:     {_kubectl()} get evalcampaigns -w\n"
            f"  delete them:  {_kubectl()} delete evalcampaigns {' '.join(names)}"
        )
        raise SystemExit(130) from None


def _print_results(subject: Subject, names: list[str]) -> None:
    """To standard output: this is what one may want to keep."""
    if remark := subject.remark():
        print(f"\n{remark}")
    _show("get", "evalcampaigns", "-n", NAMESPACE)
    # kubectl exec without a terminal knows no width: without ours, tables would be as wide as they like.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
    inside = ("-n", deploy.NAMESPACE, "exec", f"deploy/{deploy.CONTROLLER}", "--", "env", f"COLUMNS={width}")
    for command in (("list",), *(("trials", name) for name in names)):
        _show(*inside, "evalcampaign", *command, shown=f"evalcampaign {' '.join(command)}")


def _show(*args: str, shown: str = "") -> None:
    print(f"\n$ {shown or ' '.join(('kubectl', *args))}")
    answer = kubectl.attempt(*args)
    print(printable(answer.stdout or answer.stderr).rstrip(), flush=True)  # a table's first line may begin with spaces


def _require_complete(ended: dict[str, Seen]) -> None:
    bad = [each for each in ended.values() if each.status.phase is not Phase.COMPLETE]
    if not bad:
        return
    conditions = [
        f"{each.name}: {c.type}={c.status} {c.reason}: {c.message}" for each in bad for c in each.status.conditions
    ]
    raise ClusterError(
        f"{' and '.join(f'{each.name} ended {each.status.phase}' for each in bad)}.",
        tail="\n".join(conditions),
        hint=f"{_kubectl()} -n {deploy.NAMESPACE} logs deploy/{deploy.CONTROLLER}",
    )


def _kubectl() -> str:
    return f"kubectl --context {CONTEXT}"


def _next_steps(names: list[str]) -> str:
    """Commands that work as they stand."""
    inside = f"{_kubectl()} -n {deploy.NAMESPACE} exec deploy/{deploy.CONTROLLER} -- evalcampaign"
    steps = [
        ("one trial, as it went", f"{inside} show {names[0]} --trial 1"),
        ("what a campaign may say", f"{_kubectl()} explain evalcampaign.spec"),
        ("what happened when", f"{_kubectl()} get events --field-selector involvedObject.kind=EvalCampaign"),
        ("how a campaign stands, with its conditions", f"{_kubectl()} describe evalcampaign {names[1]}"),
        ("the records, to take away", f"{inside} backup - > records.db"),
        ("leave nothing running", "make cluster-delete"),
    ]
    if not shutil.which("kubectl"):
        steps.insert(0, ("where kubectl is", f"export PATH=$PATH:{tools.binary('kubectl').parent}"))
    return "\nWhat to try next:" + "".join(f"\n  # {what}\n  {command}" for what, command in steps)
