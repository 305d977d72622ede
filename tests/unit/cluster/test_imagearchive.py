"""The archives must be what `docker load` and `ctr images import` take, and the same for the same inputs."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.node.imagearchive import Image, write


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF and so on")
    return path


def unpacked(archive: Path) -> tuple[dict[str, Any], dict[str, Any], list[bytes]]:
    with tarfile.open(archive) as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}
    (manifest,) = json.loads(content["manifest.json"])
    return manifest, json.loads(content[manifest["Config"]]), [content[name] for name in manifest["Layers"]]


def test_layers_are_named_by_the_digest_that_the_config_gives_them(tmp_path: Path, program: Path) -> None:
    write(Image("some/name:1", ["/program"], {"/program": program}), tmp_path / "a.tar", "amd64")
    manifest, config, layers = unpacked(tmp_path / "a.tar")
    assert manifest["RepoTags"] == ["some/name:1"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert config["config"]["Entrypoint"] == ["/program"]
    assert config["architecture"] == "amd64"


def test_programs_belong_to_root_and_are_executable(tmp_path: Path, program: Path) -> None:
    write(Image("n:1", [], {"/usr/local/bin/program": program}), tmp_path / "a.tar", "amd64")
    (layer,) = unpacked(tmp_path / "a.tar")[2]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        entry = tar.getmember("usr/local/bin/program")
    assert (entry.uid, entry.gid, entry.mode) == (0, 0, 0o755)


def test_links_and_folders_that_any_user_may_write(tmp_path: Path, program: Path) -> None:
    image = Image("n:1", [], {"/bin/busybox": program}, links={"/bin/sh": "busybox"}, folders=["/tmp"])
    write(image, tmp_path / "a.tar", "amd64")
    (layer,) = unpacked(tmp_path / "a.tar")[2]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert tar.getmember("bin/sh").linkname == "busybox"
        assert tar.getmember("tmp").isdir()
        assert tar.getmember("tmp").mode == 0o1777


def test_a_ready_made_layer_comes_first(tmp_path: Path, program: Path) -> None:
    below = tmp_path / "below.tar"
    below.write_bytes(b"a tar, as far as this is concerned")
    write(Image("n:1", [], {"/program": program}, below=below), tmp_path / "a.tar", "amd64")
    assert unpacked(tmp_path / "a.tar")[2][0] == below.read_bytes()


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, program: Path) -> None:
    image = Image("n:1", ["/program"], {"/program": program}, links={"/p": "program"})
    write(image, tmp_path / "a.tar", "amd64")
    program.touch()
    write(image, tmp_path / "b.tar", "amd64")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
