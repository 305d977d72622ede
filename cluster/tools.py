"""The programs we need, built from pinned Go modules into the cache.

Building from source looks heavy beside a download, but the Go module proxy is the one source of these programs that
is reachable wherever Go is used at all, and go.sum pins every byte of it. The key of a folder in the cache is the hash
of the module's go.mod and go.sum: a second run is instant, and two checkouts with different pins do not fight.
"""

import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import fingerprint, golang, run
from cluster.locks import lock
from cluster.progress import Stages
from cluster.settings import CACHE, REPO

MODULES = REPO / "tools"

LINKER_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Tool:
    """One program: its name, the folder under tools/ that pins it, the package, and whose version is the program's:
    the package's own, unless a main program of ours holds another project.
    """

    name: str
    module: str
    package: str
    of: str = ""

    @property
    def path(self) -> Path:
        """Returns where the binary is, or will be."""
        return CACHE / "bin" / f"{self.module}-{_key(self.module)}" / self.name

    @property
    def pinned(self) -> str:
        """The version in go.mod, with its v; empty for our own programs."""
        return pinned_version((MODULES / self.module / "go.mod").read_text(), self.of or self.package)


def _kubernetes(name: str) -> Tool:
    return Tool(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}")


# A cluster from the registry's node image needs these only ...
_CLUSTER = (_kubernetes("kubectl"), Tool("kind", "kind", "sigs.k8s.io/kind"))
# ... tests/apiserver a bare API server ...
_SERVER = (_kubernetes("kube-apiserver"), Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3"))
# ... and a node image made here all the rest.
_NODE = (
    Tool("pause", "pause", "evalcampaign.dev/tools/pause"),
    Tool("etcdctl", "etcd", "go.etcd.io/etcd/etcdctl/v3"),
    *map(_kubernetes, ("kubeadm", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy")),
    Tool("coredns", "coredns", "evalcampaign.dev/tools/coredns", of="github.com/coredns/coredns"),
    Tool("local-path-provisioner", "local-path", "github.com/rancher/local-path-provisioner"),
)
GROUPS = {"cluster": _CLUSTER, "tests": _CLUSTER + _SERVER, "all": _CLUSTER + _SERVER + _NODE}
BY_NAME = {tool.name: tool for tool in GROUPS["all"]}


def binary(name: str) -> Path:
    """Path of a program that `ensure` has built."""
    return BY_NAME[name].path


def kubernetes_version() -> str:
    """Returns what we build, for example v1.34.4."""
    return BY_NAME["kubelet"].pinned


def missing(group: str) -> list[Tool]:
    """The tools of a group that are not in the cache yet."""
    return [tool for tool in GROUPS[group] if not tool.path.exists()]


def ensure(group: str, stages: Stages) -> None:
    """Build what is missing of a group, a stage for each module. SetupError when a build fails."""
    if not missing(group):
        return
    with lock("tools"):
        # Another run may have built them while we waited.
        wanted = builds(missing(group))
        go = golang.find() if wanted else None
        for tools in wanted:
            names = ", ".join(tool.name for tool in tools)
            with stages.stage(f"building {names} {tools[0].pinned}".rstrip()):
                _build(tools, str(go))


def builds(tools: Sequence[Tool]) -> list[list[Tool]]:
    """One list for each module, in the order of the first of it.

    The programs of a module are built at once: while one is linked, which takes one processor, others are compiled.
    """
    modules = dict.fromkeys(tool.module for tool in tools)
    return [[tool for tool in tools if tool.module == module] for module in modules]


def fetch(group: str, stages: Stages) -> None:
    """Download the modules of what is missing, so that no compiler waits for them. SetupError when that fails."""
    wanted = builds(missing(group))
    if not wanted:
        return
    go = golang.find()
    with stages.stage("downloading Go modules"):
        for tools in wanted:
            # To list what the programs are made of, Go downloads just that; `go mod download` would fetch more.
            packages = [tool.package for tool in tools]
            _go([go, "list", "-deps", *packages], f"downloading the modules of {tools[0].module}", tools)


def _build(tools: Sequence[Tool], go: str) -> None:
    folder = tools[0].path.parent
    # Built beside the final names and moved there: a killed build leaves nothing that looks finished.
    partial = folder / f".building.{os.getpid()}"
    partial.mkdir(parents=True, exist_ok=True)
    # The flags for the compiler save a seventh of its time: debugging information that the linker (-w) drops again.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    flags = [
        "-p",
        str(at_once(os.cpu_count() or 1, memory)),
        "-trimpath",
        "-buildvcs=false",
        "-gcflags=all=-dwarf=false",
        "-ldflags",
        ldflags(tools[0]),
    ]
    try:
        _go(
            [go, "build", *flags, "-o", f"{partial}/", *(tool.package for tool in tools)],
            f"building {tools[0].module}",
            tools,
        )
        for tool in tools:
            (partial / executable(tool.package)).rename(tool.path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _go(command: Sequence[str | Path], what: str, tools: Sequence[Tool]) -> None:
    run.logged(
        command,
        what,
        cwd=MODULES / tools[0].module,
        # -mod=readonly is Go's default, but a user's GOFLAGS may say otherwise; a go.work file above us may too.
        env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        hint="check that the Go module proxy can be reached (`go env GOPROXY`) and that the disk has 10 GB left.",
    )


def at_once(processors: int, memory: int) -> int:
    """Returns how many compilers and linkers may run at once in so many bytes: a linker was seen to take 1.4 GB."""
    return max(1, min(processors, memory // LINKER_BYTES))


def executable(package: str) -> str:
    """Returns what Go calls the program of a package: its last part that is not a major version."""
    *parts, last = package.split("/")
    return parts[-1] if parts and re.fullmatch(r"v\d+", last) else last


def ldflags(tool: Tool) -> str:
    """Stripped, and with the version that the program reports; kubeadm and the API server act on theirs."""
    flags = "-s -w"
    if tool.module == "kubernetes":
        package = "k8s.io/component-base/version"
        major, minor, _ = tool.pinned.removeprefix("v").split(".", 2)
        flags += f" -X {package}.gitVersion={tool.pinned} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    return flags


def pinned_version(go_mod: str, package: str) -> str:
    """The version of the module that holds `package`, as go.mod's require lines say; empty if none does."""
    for found in re.finditer(r"^\s*(?:require )?(\S+) (v\S+)", go_mod, re.MULTILINE):
        if package == found[1] or package.startswith(found[1] + "/"):
            return found[2]
    return ""


def architecture() -> str:
    """The architecture of this machine, as Go and container images name it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _key(module: str) -> str:
    # Our own programs (pause) have no go.sum; their source counts instead.
    files = sorted(f for f in (MODULES / module).iterdir() if f.suffix in (".mod", ".sum", ".go"))
    return fingerprint.of(*files)
