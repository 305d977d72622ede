"""Which TiKV is put into the cluster, what the person who waits is told, and when an old one must go first."""

import pytest

from cluster.deployment import overlay, preloaded
from cluster.deployment.subjects.tikv import real, standin
from cluster.deployment.subjects.tikv.choice import decide
from cluster.deployment.subjects.tikv.subject import outdated
from cluster.errors import SetupError

OLD, NEW = f"{standin.NAME}:aaaa", f"{standin.NAME}:bbbb"
REAL = ["pingcap/pd:v8.5.5", "pingcap/tikv:v8.5.5"]


def test_the_real_one_is_taken_where_its_images_are_here_whatever_the_registry_says() -> None:
    assert decide("auto", present=True, refusal="no such host").path == "real"


def test_the_real_one_is_taken_where_the_registry_answers_for_what_is_missing() -> None:
    assert decide("auto").path == "real"


def test_no_images_and_no_registry_mean_the_stand_in_and_say_what_the_registry_said() -> None:
    choice = decide("auto", refusal="no such host")
    assert choice.path == "standin"
    assert "no such host" in choice.why


@pytest.mark.parametrize("requested", ["real", "standin"])
def test_a_request_is_followed_whatever_is_there(requested: str) -> None:
    assert decide(requested, present=True, refusal="no such host").path == requested


def test_an_unknown_wish_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SetupError, match="auto, real or standin"):
        decide("fake")


def test_an_image_is_found_in_the_node_by_the_name_that_docker_gives_it() -> None:
    in_node = ["docker.io/pingcap/pd:v8.5.5", "docker.io/pingcap/tikv:v8.5.5-rc", "sha256:0000"]
    assert [image for image in REAL if preloaded.has(in_node, image)] == ["pingcap/pd:v8.5.5"]


def test_the_real_images_are_those_of_the_manifests_one_a_role() -> None:
    assert [preloaded.split(image)[0] for image in real.images()] == ["pingcap/pd", "pingcap/tikv"]


def test_one_stand_in_takes_the_place_of_both_images() -> None:
    images = overlay.renamed({preloaded.split(image)[0]: NEW for image in REAL})["images"]
    assert images == [
        {"name": "pingcap/pd", "newName": standin.NAME, "newTag": "bbbb"},
        {"name": "pingcap/tikv", "newName": standin.NAME, "newTag": "bbbb"},
    ]


@pytest.mark.parametrize(
    ("deployed", "wanted"),
    [([OLD, OLD], [NEW, NEW]), ([OLD, OLD], REAL), (REAL, [NEW, NEW]), ([OLD, NEW], [NEW, NEW])],
    ids=["another stand-in", "real after stand-in", "stand-in after real", "half of it another stand-in"],
)
def test_what_cannot_read_the_data_that_is_there_begins_without_it(deployed: list[str], wanted: list[str]) -> None:
    assert outdated(deployed, wanted)


@pytest.mark.parametrize(
    ("deployed", "wanted"),
    [([], [NEW, NEW]), ([NEW, NEW], [NEW, NEW]), (REAL, REAL), (["pingcap/pd:v8.5.4", "pingcap/tikv:v8.5.4"], REAL)],
    ids=["nothing there", "the same stand-in", "the same", "an upgrade of the real one"],
)
def test_data_that_can_be_read_stays(deployed: list[str], wanted: list[str]) -> None:
    assert not outdated(deployed, wanted)
