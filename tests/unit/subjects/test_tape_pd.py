"""What PD says on a tape: of one piece at every time, and as a PD says it when it has no leader."""

import pytest

from tests.support.tape import NAMES, Reply, Tape
from tests.support.tape.reading import read
from tests.unit.subjects.tapes import V1, pd, pod_of, recorded, silent


def test_the_order_of_stores_changes_from_time_to_time() -> None:
    tape = Tape.load("healthy")
    orders = {tuple(each["store"]["id"] for each in pd(tape, t / 4, "/stores")["stores"]) for t in range(40)}
    assert {frozenset(order) for order in orders} == {frozenset({1, 2, 7})}
    assert len(orders) == 6


@pytest.mark.parametrize("name", NAMES)
def test_heartbeats_are_fresh_while_a_store_is_well_and_age_while_it_is_not(name: str) -> None:
    tape = Tape.load(name)
    for t in (tenth / 10 for tenth in range(-10, 700, 7)):
        for each in pd(tape, t, "/stores")["stores"]:
            age = tape.recording.t0 + t - each["store"]["last_heartbeat"] / 1e9
            assert age >= 0
            if each["store"]["state_name"] != "Up":
                assert age > 20
            elif pod_of(each) in silent(tape, t) or (name == "partition" and pod_of(each) == "tikv-0"):
                assert age <= 31.5, "Disconnected at the first poll that saw more than 20 s"
            else:
                assert age <= 2


def test_a_killed_store_is_not_heard_before_its_successor_is_ready() -> None:
    tape = Tape.load("kill_leader_store_grace1")
    heard = [pd(tape, t, "/store/1")["store"]["last_heartbeat"] / 1e9 - tape.recording.t0 for t in (0.3, 3.9, 4)]
    assert heard[0] == heard[1] < 0.17 < heard[2]


def test_a_heartbeat_reads_the_same_in_every_notation() -> None:
    (store,) = (each for each in pd(Tape.load("freeze"), 30.41, "/stores")["stores"] if each["store"]["id"] == 1)
    assert store["store"]["last_heartbeat"] == 1795419069411703220
    assert store["status"]["last_heartbeat_ts"] == "2026-11-23T07:31:09.41170322Z"
    assert store["status"]["uptime"] == "16m29.41170322s"


def test_a_restarted_store_tells_its_new_start_and_no_uptime_before_its_first_heartbeat() -> None:
    tape = Tape.load("kill_leader_store_grace1")
    old, starting, new = (pd(tape, t, "/store/1") for t in (0, 3, 6))
    assert old["store"]["start_timestamp"] < starting["store"]["start_timestamp"] == new["store"]["start_timestamp"]
    assert "uptime" not in starting["status"]
    assert new["status"]["uptime"].startswith("3.")


def test_pending_peers_are_where_the_leader_moved_away_from_the_broken_store() -> None:
    tape = Tape.load("partition")
    pending = [
        {region["id"]: [peer["store_id"] for peer in region["pending_peers"]] for region in listed["regions"]}
        for listed in (pd(tape, t, "/regions/check/pending-peer") for t in (9.8, 13.6, 14.7, 16.7))
    ]
    assert pending == [{14: [1]}, {14: [1], 10: [1]}, {14: [1], 10: [1], 8: [1]}, {14: [1], 10: [1], 8: [1], 12: [1]}]


def test_as_the_partition_heals_the_regions_whose_leader_sees_all_voters_are_the_first_to_have_none_pending() -> None:
    regions = pd(Tape.load("partition_healed"), 0.7, "/regions/check/pending-peer")["regions"]
    assert {region["id"] for region in regions} == {8, 10}


def test_the_state_of_a_query_filters_and_nothing_else_of_it_does() -> None:
    tape = Tape.load("node_down")
    assert pd(tape, 30, "/stores?state=2") == {"count": 0, "stores": []}
    assert pd(tape, 30, "/stores?state=0&state=1&state=2&x=y")["count"] == 3
    disconnected = pd(tape, 30, "/stores/check?state=Disconnected")
    assert [pod_of(each) for each in disconnected["stores"]] == ["tikv-0"]


@pytest.mark.parametrize("path", [f"{V1}/ping", f"{V1}/version", f"{V1}/config", "/pd/api/v2/ready?verbose"])
def test_members_answer_local_questions_themselves(path: str) -> None:
    assert Tape.load("healthy").answer(0, "pd", "pd-2", path).status == 200  # type: ignore[union-attr]


def without_leader(code: int) -> Tape:
    """The kill of PD's leader, with a poll added that found none."""
    raw = recorded("pd_leader_kill")
    raw["timeline"].insert(2, {"t": 0.7, "stores_http": code, "health_http": 500, "down_peer": 0})
    return Tape(read(raw))


def test_a_member_that_finds_no_leader_waits_three_seconds_and_says_so_and_answers_local_questions_meanwhile() -> None:
    tape = without_leader(503)
    assert tape.answer(0.8, "pd", "pd-1", f"{V1}/stores") == Reply(503, None, after=3.0)
    assert tape.answer(0.8, "pd", "pd-1", f"{V1}/health") == Reply(500)
    assert tape.answer(0.8, "pd", "pd-1", f"{V1}/ping") == Reply(200)
    assert tape.answer(1.0, "pd", "pd-1", f"{V1}/stores").status == 200  # type: ignore[union-attr]


def test_a_member_that_was_recorded_with_another_failure_fails_at_once() -> None:
    assert without_leader(500).answer(0.8, "pd", "pd-1", f"{V1}/members") == Reply(500)


@pytest.mark.parametrize("counted", ["down_peer", "pending_peer"])
def test_peers_that_nothing_names_are_not_made_up(counted: str) -> None:
    raw = recorded("healthy")
    raw["timeline"][0][counted] = 1
    with pytest.raises(ValueError):
        pd(Tape(read(raw)), 0, "/regions")
