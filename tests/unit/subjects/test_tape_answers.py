"""A tape answers exactly what was recorded, where it was; and who can answer is whom the recording shows."""

import json
from typing import Any

import pytest

from tests.support.tape import NAMES, Reply, Silence, Tape
from tests.unit.subjects.tapes import V1, confirming, pd, pod_of, recorded, wrote


def in_order(body: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
    """PD lists stores and regions in any order."""
    if isinstance(body, dict) and body.get("stores"):
        return body | {"stores": sorted(body["stores"], key=lambda each: each["store"]["id"])}
    if isinstance(body, dict) and body.get("regions"):
        return body | {"regions": sorted(body["regions"], key=lambda region: region["id"])}
    return body


@pytest.mark.parametrize("name", NAMES)
def test_a_full_answer_is_played_as_it_was_recorded(name: str) -> None:
    tape = Tape.load(name)
    for snapshot in tape.recording.snapshots:
        for path, (status, body) in snapshot.answers.items():
            if path != f"{V1}/status":  # whose own it is was not recorded
                reply = tape.answer(snapshot.taken + 0.001, "pd", "pd-1", path)
                assert (reply.status, in_order(reply.body)) == (status, in_order(body)), path  # type: ignore[union-attr]


@pytest.mark.parametrize("name", NAMES)
def test_every_poll_is_played_as_it_was_recorded(name: str) -> None:
    tape = Tape.load(name)
    for number, poll in enumerate(recorded(name)["timeline"]):
        t = poll["t"] if number else -1.0  # the first one was ahead of the command
        stores = [(pod_of(each), each["store"], each["status"]) for each in pd(tape, t, "/stores")["stores"]]
        assert poll["stores"] == {
            pod: [store["id"], store["state_name"], status["leader_count"], status["region_count"]]
            for pod, store, status in stores
        }
        regions = pd(tape, t, "/regions")["regions"]
        assert poll["leaders"] == sorted([region["id"], region["leader"]["store_id"]] for region in regions)
        assert poll["pending_peer"] == sum("pending_peers" in region for region in regions)
        assert poll["health"] == {member["name"]: member["health"] for member in pd(tape, t, "/health")}
        assert poll["initialized"] == pd(tape, t, "/cluster/status")["is_initialized"]
        confirmed = {str(region["id"]): confirming(tape, t, region["id"]) for region in regions}
        assert poll["confirmed_leaders"] == {region: pods for region, pods in confirmed.items() if pods}
        pods = {name: pod for role in ("pd", "tikv") for name, pod in tape.pods(t, role).items()}
        assert {name: [seen[0], seen[1], bool(seen[2]), seen[3] or 0] for name, seen in poll["pods"].items()} == {
            name: [pod.uid, pod.phase, pod.ready, pod.restarts] for name, pod in pods.items()
        }


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_survives_json(name: str) -> None:
    tape = Tape.load(name)
    paths = [*tape.recording.snapshots[0].answers, f"{V1}/config", f"{V1}/version", f"{V1}/store/1"]
    for t in (-1.0, 1.0, 15.0):
        replies = [tape.answer(t, "pd", "pd-1", path) for path in paths]
        replies += [tape.answer(t, "tikv", "tikv-1", f"/region/{region}") for region in (3, 8, 10, 12, 14)]
        bodies = [reply.body for reply in replies if isinstance(reply, Reply)]
        assert json.loads(json.dumps(bodies)) == bodies


def test_answers_are_the_askers_own() -> None:
    tape = Tape.load("healthy")
    pd(tape, 0, "/schedulers").clear()
    pd(tape, 0, "/members")["members"].clear()
    assert (len(pd(tape, 0, "/schedulers")), len(pd(tape, 0, "/members")["members"])) == (5, 3)


@pytest.mark.parametrize(
    ("role", "pod", "path"),
    [
        ("pd", "pd-0", f"{V1}/store/99"),
        ("pd", "pd-0", f"{V1}/nothing"),
        ("pd", "pd-0", "/metrics"),
        ("tikv", "tikv-0", "/region/99"),
        ("tikv", "tikv-0", "/metrics"),
    ],
)
def test_what_was_not_recorded_is_not_found(role: str, pod: str, path: str) -> None:
    assert Tape.load("healthy").answer(0, role, pod, path) == Reply(404)


def test_nobody_is_at_the_address_of_a_replaced_pod() -> None:
    tape = Tape.load("kill_leader_store_grace1")
    old, new = (tape.pods(t, "tikv")["tikv-0"].ip for t in (0, 5))
    assert tape.answer_at(0, old, 20180, "/status") == Reply(200)
    assert tape.answer_at(5, old, 20180, "/status") is Silence.REFUSES
    assert tape.answer_at(5, new, 20180, "/status") == Reply(200)
    assert tape.answer_at(5, new, 2379, "/pd/api/v1/ping") is Silence.REFUSES


def test_writes_are_known_while_the_client_wrote_and_say_how_they_failed() -> None:
    tape = Tape.load("kill_leader_store_grace1")
    assert [wrote(tape, t) for t in (-2, -0.9, 40, 41)] == [None, True, True, None]
    failed = tape.write(5.3)
    assert (failed.asked, failed.seconds) == (5.004, 0.6145)
    assert failed.error.startswith("TimeoutError:operation did not complete within 1s")
