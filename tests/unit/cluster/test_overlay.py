"""What is laid over the manifests, and the image names it takes from the node."""

from pathlib import Path

import pytest
import yaml

from cluster.deployment import overlay
from cluster.deployment.image import Controller
from cluster.deployment.preloaded import Preloaded, newest, split
from cluster.errors import SetupError

NAMES = [
    "a.example/coredns/coredns:v1.12.1",
    "a.example/etcd:3.5.21-0",
    "a.example/etcd:3.6.5-0",
    "b.example/pause:3.10",
]
IMAGES = Preloaded(etcd="a.example/etcd:3.6.5-0", pause="b.example/pause:3.10")


def made_of(built: Controller, images: Preloaded) -> str:
    [patch] = overlay.controller(built, images)["patches"]
    [operation] = yaml.safe_load(patch["patch"])
    return str(operation["value"][overlay.MADE_OF])


def test_the_newest_image_of_a_role_is_taken_whatever_registry_it_came_from() -> None:
    assert newest(NAMES, "etcd") == "a.example/etcd:3.6.5-0"
    assert newest(NAMES, "pause") == "b.example/pause:3.10"


def test_versions_are_compared_as_numbers() -> None:
    assert newest(["x/pause:3.9", "x/pause:3.10.1", "x/pause:3.10"], "pause") == "x/pause:3.10.1"


def test_digests_and_images_that_only_end_alike_are_passed_over() -> None:
    with pytest.raises(SetupError, match="no image named etcd"):
        newest(["a.example/etcd@sha256:" + "0" * 64, "a.example/my-etcd:1", "sha256:" + "1" * 64], "etcd")


def test_a_registry_with_a_port_is_no_tag() -> None:
    assert split("localhost:5000/etcd:3.6") == ("localhost:5000/etcd", "3.6")


def test_another_image_content_or_pause_image_makes_another_pod_template() -> None:
    built = Controller("evalcampaign/controller:dev", "aaaa")
    assert made_of(built, IMAGES) == made_of(built, IMAGES)
    assert made_of(built, IMAGES) != made_of(Controller("evalcampaign/controller:dev", "bbbb"), IMAGES)
    assert made_of(built, IMAGES) != made_of(built, Preloaded(etcd=IMAGES.etcd, pause="b.example/pause:4"))


def test_an_overlay_refers_to_the_manifests_by_a_relative_path_and_is_gone_afterwards(tmp_path: Path) -> None:
    with overlay.written(tmp_path / "base", overlay.renamed({"etcd": IMAGES.etcd})) as folder:
        document = yaml.safe_load((folder / "kustomization.yaml").read_text())
        [base] = document["resources"]
        assert not Path(base).is_absolute()
        assert (folder / base).resolve() == (tmp_path / "base").resolve()
        assert document["images"] == [{"name": "etcd", "newName": "a.example/etcd", "newTag": "3.6.5-0"}]
    assert not folder.exists()
