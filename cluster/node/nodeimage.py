"""The node image where no registry can be reached: Debian, our binaries, and the images a control plane starts from.

Tagged with the hash of what it is made of: what exists already is not made again.
"""

from pathlib import Path

from cluster import fingerprint, run, tools
from cluster.docker import engine
from cluster.node import imagearchive, payload, rootfs
from cluster.node.payload import FILES
from cluster.progress import Stages


def tag() -> str:
    """The node image that the sources at hand make."""
    made_of = [str(tool.path.parent.name) for tool in tools.GROUPS["all"]]
    sources = [FILES, *(Path(module) for module in (__file__, payload.__file__, imagearchive.__file__))]
    return f"evalcampaign/node:{fingerprint.of(rootfs.tag('node'), *made_of, *sources)}"


def ensure(stages: Stages) -> str:
    """Have the node image; returns its name. SetupError when a step fails."""
    image = tag()
    if not rootfs.exists(image):
        ensure_root(stages)
        with stages.stage("assembling the node image"):
            _assemble(image)
    return image


def ensure_root(stages: Stages) -> None:
    """Have the root file system below the node image, which needs none of our programs."""
    if not rootfs.exists(tag()):
        rootfs.ensure("node", stages)


def stages_ahead() -> int:
    """Returns how many stages `ensure` and `ensure_root` are going to have, tools not counted."""
    return 0 if rootfs.exists(tag()) else 1 + (not rootfs.exists(rootfs.tag("node")))


def _assemble(image: str) -> None:
    with rootfs.workspace() as folder:
        root = folder / "rootfs"
        _place_files(root)
        archives = root / "kind" / "images"
        archives.mkdir(parents=True)
        for number, content in enumerate(payload.images(folder)):
            imagearchive.write(content, archives / f"{number:02}.tar", tools.architecture())
        base = ["--build-arg", f"ROOT={rootfs.tag('node')}"]
        run.logged(
            ["docker", "build", *base, "-t", image, "-f", str(FILES / "Dockerfile"), folder],
            "building the node image",
            env=engine.build_environment(),
            hint="look whether the disk is full: the image takes 2 GB.",
        )


def _place_files(root: Path) -> None:
    containerd = (FILES / "containerd.toml").read_text().replace("@PAUSE@", payload.control_plane_images()["pause"])
    _put(root / "etc/containerd/config.toml", containerd.encode())
    _put(root / "etc/cni/net.d/10-bridge.conflist", (FILES / "10-bridge.conflist").read_bytes())
    (root / "etc/kubernetes/manifests").mkdir(parents=True)
    _put(root / "kind/version", tools.kubernetes_version().encode())
    for manifest in ("default-cni.yaml", "default-storage.yaml"):
        _put(root / "kind/manifests" / manifest, (FILES / manifest).read_bytes())
    for program in ("entrypoint", "systemctl"):
        _put(root / "usr/local/bin" / program, (FILES / program).read_bytes(), 0o755)
    for program in ("kubeadm", "kubelet", "kubectl"):
        _put(root / "usr/bin" / program, tools.binary(program).read_bytes(), 0o755)


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
