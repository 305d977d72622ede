"""The images inside the node image: what kubeadm starts a control plane from, and what the StorageClass needs."""

import subprocess
from pathlib import Path

from cluster import run, tools
from cluster.errors import SetupError
from cluster.node import corefile, rootfs
from cluster.node.imagearchive import Image
from cluster.settings import REPO

FILES = REPO / "cluster" / "node" / "files"
# The names are ours to choose; cluster/node/files/default-storage.yaml uses the same.
PROVISIONER = "evalcampaign/local-path-provisioner:node"
BUSYBOX = "evalcampaign/busybox:node"
# What the provisioner's helper pods and people who look around need.
APPLETS = ("sh", "mkdir", "rm", "nc", "sleep", "ls", "cat", "touch", "id")


def control_plane_images() -> dict[str, str]:
    """Full names by last path element, as this version's kubeadm expects to find them; none is written down here."""
    ask = ["config", "images", "list", "--kubernetes-version", tools.kubernetes_version()]
    listed = run.output([tools.binary("kubeadm"), *ask], "asking kubeadm for its images")
    names = by_short_name(listed)
    # The one version that is not kubeadm's choice; cluster/node/files/kubeadm-patch.yaml tells it which.
    return names | {"coredns": f"{names['coredns'].rpartition(':')[0]}:{tools.BY_NAME['coredns'].pinned}"}


def by_short_name(listed: str) -> dict[str, str]:
    """{"etcd": "HOST/etcd:3.6.5-0", ...} from kubeadm's list."""
    names = listed.split()
    return {name.rpartition("/")[2].partition(":")[0]: name for name in names}


def images(folder: Path) -> list[Image]:
    """All of them; what has to be taken out of the root file system first goes into `folder`."""
    names = control_plane_images()
    corefile.require_plugins()
    # kind, like kubeadm, starts these by `command`; so no entry points, as in the images that Kubernetes ships.
    plain = [
        Image(names[name], [], {f"/usr/local/bin/{name}": tools.binary(name)})
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ]
    etcd = {f"/usr/local/bin/{name}": tools.binary(name) for name in ("etcd", "etcdctl")}
    busybox = folder / "busybox"
    _from_root(["cat", "/bin/busybox"], busybox)
    iptables = folder / "iptables.tar"
    _from_root(["sh", "-c", (FILES / "proxy-files").read_text()], iptables)
    return [
        *plain,
        Image(names["etcd"], [], etcd),
        Image(names["kube-proxy"], [], {"/usr/local/bin/kube-proxy": tools.binary("kube-proxy")}, below=iptables),
        Image(names["coredns"], ["/coredns"], {"/coredns": tools.binary("coredns")}),
        Image(names["pause"], ["/pause"], {"/pause": tools.binary("pause")}),
        Image(
            PROVISIONER,
            ["/usr/bin/local-path-provisioner"],
            {"/usr/bin/local-path-provisioner": tools.binary("local-path-provisioner")},
            folders=["/tmp"],
        ),
        Image(
            BUSYBOX,
            ["/bin/sh"],
            {"/bin/busybox": busybox},
            links={
                f"/bin/{name}": "busybox" for name in ("sh", "mkdir", "rm", "id", "cat", "ls", "touch", "sleep", "nc")
            },
            folders=["/tmp"],
        ),
    ]


def _from_root(command: list[str], target: Path) -> None:
    """Save what a command in the node's root file system prints."""
    with target.open("wb") as out:
        done = subprocess.run(
            ["docker", "run", "--rm", "--network=none", rootfs.tag("node"), *command],
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 0:
        raise SetupError(
            f"`{command[0]}` in the node's root file system failed.", tail=done.stderr.decode(errors="replace")
        )
