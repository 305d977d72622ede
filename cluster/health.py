"""Is the cluster there, and well? Quick to say when it is, for `up` asks it first; slower to give one up."""

import subprocess
import time
from dataclasses import dataclass

from cluster import kind, run, tools
from cluster.errors import SetupError
from cluster.settings import CONTEXT

# What must be available before anything is deployed: names, then a provisioner for the StorageClass.
NEEDED = (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner"))
ANSWER_SECONDS = 5.0
# A busy machine makes a healthy cluster answer late, and a new one would lose what is deployed in this one.
RETRY_SECONDS = 180.0

_READY = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
_AVAILABLE = "jsonpath={range .items[?(@.status.availableReplicas)]}{.metadata.namespace}/{.metadata.name} {end}"


@dataclass(frozen=True)
class Health:
    """The state of the node's container, None when there is none, and what is wrong; None when nothing is."""

    container: str | None
    trouble: str | None


def check_node() -> Health:
    """Look at the container, then at the API server, then at what runs in it; stops at the first trouble."""
    state = run.attempt(["docker", "inspect", "--type=container", "--format", "{{.State.Status}}", kind.NODE])
    if state.returncode != 0:
        return Health(None, "there is no cluster yet")
    container = state.stdout.strip()
    if container != "running":
        return Health(container, f"its node's container is {container}")
    ready = _kubectl("get", "nodes", "-o", _READY)
    if ready.returncode != 0:
        return Health(container, f"its API server does not answer: {run.last_lines(ready.stderr, 1)}")
    if set(ready.stdout.split()) != {"True"}:
        return Health(container, "its node is not Ready")
    missing = lacking(_kubectl("get", "deployments", "-A", "-o", _AVAILABLE).stdout)
    return Health(container, missing or unrouted())


def lacking(available: str) -> str | None:
    """Returns what is needed and not among the available `namespace/name`s; None when nothing is."""
    missing = [name for namespace, name in NEEDED if f"{namespace}/{name}" not in available.split()]
    return f"not available: {', '.join(missing)}" if missing else None


def unrouted() -> str | None:
    """Returns what is wrong with the way to Services; None when kube-proxy has written the rules for the DNS's.

    A DNS that runs is of no use to pods while kube-proxy fails to write its rules, and nothing else would show it.
    Knocking at the Service's address would not do: without rules the packet leaves, and somebody else may answer.
    """
    rules = run.attempt(["docker", "exec", kind.NODE, "iptables-save", "-t", "nat"])
    if "kube-system/kube-dns" in rules.stdout:
        return None
    return "kube-proxy has written no rules for Services"


def check_node_with_retries() -> Health:
    """Like `check_node`, but rewrites the kubeconfig context of a running node and gives it RETRY_SECONDS."""
    found = check_node()
    if found.container != "running" or found.trouble is None:
        return found
    try:
        kind.export_kubeconfig()
    except SetupError:
        # kind reads the context from the node; one that cannot even give that has no API server.
        return found
    deadline = time.monotonic() + RETRY_SECONDS
    while found.trouble is not None and time.monotonic() < deadline:
        time.sleep(1)
        found = check_node()
    return found


def wait_available(seconds: int = 120) -> None:
    """Wait until what is needed runs. SetupError when it does not in that time."""
    for namespace, name in NEEDED:
        rollout = ["--context", CONTEXT, "-n", namespace, "rollout", "status", f"deployment/{name}"]
        run.logged(
            [tools.binary("kubectl"), *rollout, f"--timeout={seconds}s"],
            f"waiting for {name}",
            hint=f"kubectl --context {CONTEXT} -n {namespace} describe pods",
        )
    deadline = time.monotonic() + seconds
    while (trouble := unrouted()) is not None:
        if time.monotonic() > deadline:
            raise SetupError(
                f"the cluster is not well: {trouble}.",
                hint=f"kubectl --context {CONTEXT} -n kube-system logs -l k8s-app=kube-proxy",
            )
        time.sleep(0.5)
    storage = _kubectl("get", "storageclass", "standard", "-o", "name")
    if storage.returncode != 0:
        raise SetupError("the cluster has no StorageClass `standard`.", tail=storage.stderr)


def _kubectl(*args: str) -> subprocess.CompletedProcess[str]:
    command = [str(tools.binary("kubectl")), "--context", CONTEXT, f"--request-timeout={ANSWER_SECONDS:g}s", *args]
    return run.attempt(command, timeout=ANSWER_SECONDS + 2)
