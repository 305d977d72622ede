"""Container images of static programs, written as the archive that `docker save` would write.

A daemon would build the same image from `FROM scratch`, slower, and with another digest each time. Here the same
inputs give the same bytes: times, owners and names are fixed.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """What an image holds: files by their place in it, links, and at most one ready-made layer below them."""

    name: str
    entrypoint: Sequence[str]
    files: Mapping[str, Path]
    links: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()
    below: Path | None = None


def write(image: Image, target: Path, architecture: str) -> None:
    """Write the archive; docker load and ctr images import take it."""
    layers = [image.below.read_bytes()] if image.below else []
    layers.append(_layer(image))
    names = [hashlib.sha256(layer).hexdigest() for layer in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": list(image.entrypoint), "Env": [f"PATH={SEARCH_PATH}"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{name}" for name in names]},
            "history": [{} for _ in names],
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    paths = [f"{name}/layer.tar" for name in names]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [image.name], "Layers": paths}]).encode()
    with tarfile.open(target, "w") as archive:
        for path, content in ((config_name, config), *zip(paths, layers, strict=True), ("manifest.json", manifest)):
            _add(archive, path, content)


def _layer(image: Image) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in image.folders:
            entry = tarfile.TarInfo(folder.strip("/"))
            # Like /tmp: any user may write, nobody may remove another's.
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            layer.addfile(entry)
        for place, file in sorted(image.files.items()):
            _add(layer, place.lstrip("/"), file.read_bytes(), mode=0o755)
        for place, points_to in sorted(image.links.items()):
            entry = tarfile.TarInfo(place.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, points_to
            layer.addfile(entry)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    # A fresh TarInfo belongs to root and dates from 1970.
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
