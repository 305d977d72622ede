"""Which node image is used, and what the person who waits is told about it."""

import pytest

from cluster.errors import SetupError
from cluster.node.choice import decide


def test_a_registry_that_answers_is_used() -> None:
    assert decide("auto").path == "registry"


def test_an_image_that_is_here_needs_no_registry() -> None:
    assert decide("auto", present=True, refusal="no such host").path == "registry"


def test_no_registry_means_building_and_says_what_the_registry_said() -> None:
    choice = decide("auto", refusal="no such host")
    assert choice.path == "built"
    assert "no such host" in choice.why


def test_a_machine_that_cannot_run_the_registrys_image_builds_even_if_it_is_here() -> None:
    choice = decide("auto", unfit="something is missing", present=True)
    assert (choice.path, choice.why) == ("built", "something is missing")


@pytest.mark.parametrize("requested", ["built", "registry"])
def test_a_request_is_followed_whatever_is_there(requested: str) -> None:
    assert decide(requested, unfit="something is missing", present=True, refusal="no such host").path == requested


def test_an_unknown_wish_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SetupError, match="auto, registry or built"):
        decide("docker")
