"""Installs packages that are none of ours, as pip would: a module, and the metadata of a distribution beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

ACME = Path(__file__).with_name("acme_chaos.py")
ACME_ENTRY_POINTS = {
    "evalcampaign.subjects": {"switch": "acme_chaos:SwitchSubject"},
    "evalcampaign.faults": {"level_turned": "acme_chaos:LEVEL_TURNED"},
}


def install(folder: Path, distribution: str, entry_points: Mapping[str, Mapping[str, str]]) -> None:
    """Write the metadata of a distribution with these entry points, by group, into a folder of `sys.path`."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in names.items())
        for group, names in entry_points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(lines))


def install_acme(folder: Path) -> None:
    """A package with a subject of its own, and a fault for that one and for etcd."""
    shutil.copy(ACME, folder)
    install(folder, "acme-chaos", ACME_ENTRY_POINTS)
