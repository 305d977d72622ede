"""kind, told what to do: the configuration for either node image, create, delete, load."""

import subprocess
from typing import Any, Literal

import yaml

from cluster import run, tools
from cluster.errors import SetupError
from cluster.settings import CACHE, CLUSTER, REPO

CONFIG = REPO / "kind-config.yaml"
BUILT_PATCH = REPO / "cluster" / "node" / "files" / "kubeadm-patch.yaml"
NODE = f"{CLUSTER}-control-plane"
READY_SECONDS = 600


def config(base: str, patch: str, path: Literal["registry", "built"]) -> dict[str, Any]:
    """kind-config.yaml as the chosen node image needs it. Pure: texts in, document out.

    The patch is merged at run time because no one setting suits both: kindest/node's kubelet must use systemd's
    cgroups, the node built here has no systemd.
    """
    document: dict[str, Any] = yaml.safe_load(base)
    if path == "built":
        # kind takes one document a patch.
        document.setdefault("kubeadmConfigPatches", []).extend(patch.split("\n---\n"))
    return document


def create(image: str, path: Literal["registry", "built"]) -> None:
    """Make the cluster and its context in the user's kubeconfig; returns when the node is Ready."""
    file = CACHE / f"kind-{CLUSTER}.yaml"
    patch = BUILT_PATCH.read_text().replace("@COREDNS@", tools.BY_NAME["coredns"].pinned)
    file.write_text(yaml.safe_dump(config(CONFIG.read_text(), patch, path)))
    # --retain: a node that failed is kept to be looked at; the next `up` replaces it.
    wait = ["--wait", f"{READY_SECONDS}s", "--retain"]
    run.logged(
        [tools.binary("kind"), "create", "cluster", "--name", CLUSTER, "--image", image, "--config", file, *wait],
        "kind create cluster",
        hint=f"look at `docker logs {NODE}` and `docker exec {NODE} tail /var/log/kubelet.log`, then run this again.",
    )


def export_kubeconfig() -> None:
    """Write the context into the user's kubeconfig again: it may have been another file when the cluster was made."""
    run.output([tools.binary("kind"), "export", "kubeconfig", "--name", CLUSTER], "kind export kubeconfig")


def delete() -> None:
    """Remove the cluster, its volumes, and its context in the user's kubeconfig; nothing there is fine."""
    run.logged([tools.binary("kind"), "delete", "cluster", "--name", CLUSTER], "kind delete cluster")


def load(image: str) -> None:
    """Put one of Docker's images into the node. Straight through a pipe: `kind load` would write a file in between."""
    save = ["docker", "save", image]
    receive = ["docker", "exec", "--interactive", NODE, "ctr", "--namespace=k8s.io", "images", "import", "-"]
    with subprocess.Popen(save, stdout=subprocess.PIPE) as source:
        done = subprocess.run(receive, stdin=source.stdout, capture_output=True, text=True, check=False)
    if done.returncode != 0 or source.returncode != 0:
        raise SetupError(f"loading {image} into the node failed.", tail=run.last_lines(done.stderr))
