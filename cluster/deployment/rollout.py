"""Waiting until what was applied runs, and saying why it does not."""

from cluster import kubectl, run
from cluster.errors import SetupError

LIMIT_SECONDS = 600


def wait(namespace: str, workload: str, selector: str) -> None:
    """Return when the workload's newest pods are Ready. SetupError that shows what the cluster says about them."""
    done = kubectl.attempt(
        "-n", namespace, "rollout", "status", workload, f"--timeout={LIMIT_SECONDS}s", timeout=LIMIT_SECONDS + 10
    )
    if done.returncode != 0:
        raise SetupError(
            f"{workload} in namespace {namespace} did not come up within {LIMIT_SECONDS} s: {done.stderr.strip()}",
            tail=explain(namespace, selector),
            hint=f"{' '.join(map(str, kubectl.command('-n', namespace, 'describe', 'pods', '-l', selector)))}",
        )


def explain(namespace: str, selector: str) -> str:
    """The pods, the last Events of their namespace, and the end of their logs, of the container before this one too."""
    parts = (
        ("Pods", ("get", "pods", "-l", selector, "-o", "wide")),
        ("Events", ("get", "events", "--sort-by=.lastTimestamp", "-o", _EVENT_COLUMNS)),
        ("Log", ("logs", "-l", selector, "--prefix", "--tail=15")),
        ("Log of the container before", ("logs", "-l", selector, "--prefix", "--tail=15", "--previous")),
    )
    told = []
    for title, args in parts:
        answer = kubectl.attempt("-n", namespace, *args)
        if answer.returncode == 0 and answer.stdout.strip():
            told.append(f"{title}:\n{run.last_lines(answer.stdout)}")
    return "\n".join(told)


_EVENT_COLUMNS = "custom-columns=AT:.lastTimestamp,ABOUT:.involvedObject.name,REASON:.reason,MESSAGE:.message"
