"""Debian's packages and mirror, as this machine's own apt knows them. No mirror is written down in this repository."""

import os
import re
import shutil
from pathlib import Path

from cluster import run
from cluster.errors import SetupError, Stopped
from cluster.locks import lock
from cluster.progress import note
from cluster.settings import DEBIAN_MIRROR, REPO

PACKAGES = REPO / "cluster" / "packages.txt"

# The root file systems are this release, whatever the host is: the same everywhere, and the tools in it are proven.
SUITE = "bookworm"


def packages(group: str) -> list[str]:
    """The packages of a group of packages.txt."""
    found = re.search(rf"^{group}: *(.+)$", PACKAGES.read_text(), re.MULTILINE)
    if not found:
        raise KeyError(group)
    return found[1].split()


def install(group: str, why: str) -> None:
    """Install a group of packages by apt-get, as root or by sudo. SetupError when that is not possible."""
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"{why}, and this is not a Debian machine where it could be installed.",
            hint=f"install what Debian calls {', '.join(packages(group))}, then run this again.",
        )
    with lock("apt"):
        _install(group)


def _install(group: str) -> None:
    env = ["env", "DEBIAN_FRONTEND=noninteractive"]
    get = run.as_root([*env, "apt-get", "-q", "-y"])
    hint = "look whether apt-get works by itself: `apt-get update`."
    try:
        run.logged([*get, "update"], "apt-get update")
    except Stopped:
        raise
    except SetupError as error:
        # One vendor's archive that is down fails the whole update; the packages may be had all the same.
        note(f"{error}\nGoing on with the package lists that are here.")
    run.logged(
        [*get, "install", "--no-install-recommends", *packages(group)],
        f"installing {group} packages",
        hint=hint,
        stoppable=False,
    )


def mirror() -> str:
    """The address Debian's packages come from. SetupError when this machine's apt does not say one."""
    if DEBIAN_MIRROR:
        return DEBIAN_MIRROR
    folder = Path("/etc/apt")
    for file in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if file.is_file() and (found := mirror_in(file.read_text(errors="replace"))):
            return found
    raise SetupError(
        "no Debian mirror is configured on this machine.",
        hint="set EVALCAMPAIGN_DEBIAN_MIRROR to one, or use a machine that reaches an image registry.",
    )


def mirror_in(sources: str) -> str | None:
    """The first mirror of Debian itself in a sources file of either format; None when there is none.

    Debian's own archive is recognised by its path, `/debian`: security and vendors' archives have other ones, and
    cannot be used to make a root file system.
    """
    one_line = re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", sources, re.MULTILINE)
    deb822 = [uri for uris in re.findall(r"^URIs:[ \t]*(.+)$", sources, re.MULTILINE) for uri in uris.split()]
    return next((uri for uri in one_line + deb822 if uri.rstrip("/").endswith("/debian")), None)


def root_archive(name: str, target: Path) -> None:
    """Make a tar of a minimal Debian with the packages of a group. Takes about a minute and root's rights."""
    if shutil.which("debootstrap", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
        install("rootfs", "debootstrap is missing")
    folder = target.with_suffix(".root")
    # debootstrap mounts /proc inside; never walk into a mount that it left.
    remove = run.as_root(["rm", "-rf", "--one-file-system", folder])
    run.logged(remove, f"clearing {name}", stoppable=False)
    try:
        path = f"PATH={os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        include = f"--include={','.join(packages(name))}"
        run.logged(
            run.as_root(["env", path, "debootstrap", "--variant=minbase", include, SUITE, folder, mirror()]),
            f"debootstrap of {name}",
            hint=f"check that the Debian mirror {mirror()} can be reached, or set EVALCAMPAIGN_DEBIAN_MIRROR.",
        )
        # What apt downloaded has been unpacked; leaving it out halves the image.
        skip = [f"--exclude=./{path}" for path in ("var/cache/apt/*", "var/lib/apt/lists/*", "proc/*", "sys/*")]
        run.logged(run.as_root(["tar", "-C", str(folder), *skip, "-cf", str(target), "."]), f"packing {name}")
    finally:
        run.logged(remove, f"clearing {name}", stoppable=False)
