"""What the scripted agent makes of what it sees."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from examples.agent.agent.observer import Json, Observation, build_observation
from tests.unit.agent.objects import PAUSE, PDS, STORES, pod, statefulset, store

WORKLOADS = [statefulset("pd"), statefulset("tikv")]
ALL_UP = [store(name) for name in STORES]


def look(*changed: Json, stores: Sequence[Json] | None = ALL_UP, without: str = "") -> Observation:
    pods = {name: pod(name) for name in PDS + STORES if name != without}
    pods |= {each["metadata"]["name"]: each for each in changed}
    return build_observation(7.0, pods.values(), WORKLOADS, stores)


def signs(seen: Observation) -> list[tuple[str, str]]:
    return [(symptom.kind, symptom.about) for symptom in seen.symptoms]


def test_nothing_is_wrong_with_a_healthy_system() -> None:
    seen = look()
    assert signs(seen) == []
    assert [member.name for member in seen.members] == [*PDS, *STORES]
    assert all(member.ready and not member.image_differs for member in seen.members)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (look(without="tikv-1"), [("pod_missing", "tikv-1")]),
        (look(pod("pd-0", ready=False)), [("pod_not_ready", "pd-0")]),
        (look(pod("pd-0", ready=False, terminating=True)), [("pod_leaving", "pd-0")]),
        (look(pod("tikv-2", image=PAUSE)), [("pod_image_differs", "tikv-2")]),
        (look(stores=[*ALL_UP[:2], store("tikv-2", "Disconnected")]), [("store_down", "tikv-2")]),
        (look(stores=None), [("pd_silent", "pd")]),
    ],
    ids=lambda each: None if isinstance(each, Observation) else each[0][0],
)
def test_a_symptom_says_what_is_seen_and_on_whom(seen: Observation, expected: list[tuple[str, str]]) -> None:
    assert signs(seen) == expected
    assert expected[0][1] in seen.summary or expected[0][0] == "pd_silent"


def test_a_pod_that_was_put_to_sleep_is_not_ready_and_of_another_image_and_known_by_its_uid() -> None:
    seen = look(pod("tikv-2", uid="broken", ready=False, image=PAUSE))
    assert signs(seen) == [("pod_not_ready", "tikv-2"), ("pod_image_differs", "tikv-2")]
    [member] = [each for each in seen.members if seen.has_symptom(each)]
    assert (member.name, member.uid, member.image_differs) == ("tikv-2", "broken", True)


def test_a_container_that_a_webhook_added_makes_no_foreigner_of_a_pod() -> None:
    injected = pod("tikv-0")
    injected["spec"]["containers"].append({"name": "proxy", "image": "mesh:1"})
    assert signs(look(injected)) == []


def test_a_pod_that_no_statefulset_wants_is_nobodys_trouble() -> None:
    assert signs(look(pod("tikv-7", ready=False))) == []


def test_a_store_whose_address_says_nothing_is_known_by_its_number() -> None:
    nameless = {"store": {"id": 9, "state_name": "Down"}}
    assert signs(look(stores=[*ALL_UP, nameless])) == [("store_down", "store 9")]
