"""The tape of each recording at the times that matter: the table of tests/recordings/README.md, held against it."""

import pytest

from tests.support.tape import NAMES, Silence, Tape
from tests.unit.subjects.tapes import PODS, confirming, leader, pd, serving, silent, states, wrote

ALL_UP = dict.fromkeys(PODS, "Up")
REGIONS = (3, 8, 10, 12, 14)


def not_ready(tape: Tape, t: float) -> set[str]:
    return {name for role in ("pd", "tikv") for name, pod in tape.pods(t, role).items() if not pod.ready}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(("_fixed", "_ended", "_healed"))])
def test_every_fault_begins_with_a_system_that_is_healthy(name: str) -> None:
    tape = Tape.load(name)
    assert (serving(tape, -1), states(tape, -1), not_ready(tape, -1)) == (True, ALL_UP, set())


def test_kill_with_grace_1() -> None:
    tape = Tape.load("kill_leader_store_grace1")
    assert [leader(tape, 0, region) for region in REGIONS] == ["tikv-0"] * 5
    old, dying, new = (tape.pods(t, "tikv")["tikv-0"] for t in (0, 1, 3.92))
    assert old.uid == dying.uid != new.uid
    assert (dying.deleting, tape.pods(3.5, "tikv")["tikv-0"].phase, new.ready) == (True, "Succeeded", True)
    assert silent(tape, 0.3) == {"tikv-0": Silence.REFUSES}
    assert [states(tape, t) for t in (1, 5, 30)] == [ALL_UP] * 3
    assert [leader(tape, t, 8) for t in (10.4, 11.3)] == ["tikv-0", "tikv-1"]
    assert [serving(tape, t) for t in (0, 0.3, 12.4, 12.43)] == [True, False, False, True]
    assert [wrote(tape, t) for t in (0.1, 0.2, 10.6, 10.62)] == [True, False, False, True]
    assert [pd(tape, t, "/regions/check/pending-peer")["count"] for t in (0, 10.4, 12.5, 30.3)] == [0, 1, 5, 0]


def test_kill_with_grace_0_restarts_the_new_container_once_for_the_lock_of_the_old_process() -> None:
    tape = Tape.load("kill_leader_store_grace0")
    old, scheduled, new = (tape.pods(t, "tikv")["tikv-1"] for t in (0, 0.24, 2.88))
    assert old.uid != scheduled.uid == new.uid
    assert (scheduled.phase, scheduled.ready, scheduled.ip) == ("Pending", False, None)
    assert (new.ready, new.restarts) == (True, 1)
    assert [states(tape, t) for t in (1, 3, 20)] == [ALL_UP] * 3
    assert [(leader(tape, t, 8), leader(tape, t, 3)) for t in (10.6, 10.7, 13.9)] == [
        ("tikv-1", "tikv-1"),
        ("tikv-0", "tikv-1"),
        ("tikv-0", "tikv-0"),
    ]
    assert [serving(tape, t) for t in (0.1, 0.24, 13.8, 13.81)] == [True, False, False, True]
    assert [wrote(tape, t) for t in (0.1, 0.2, 10.4, 10.5)] == [True, False, False, True]


def test_node_down_serves_again_on_two_of_three_and_is_never_healthy() -> None:
    tape = Tape.load("node_down")
    before, after = (tape.pods(t, "tikv")["tikv-0"] for t in (-0.01, 0))
    assert (before.uid, before.images["tikv"]) == (after.uid, tape.pods(0, "tikv")["tikv-1"].images["tikv"])
    assert after.images == {"tikv": "registry.k8s.io/pause:3.10.1"}
    assert [not_ready(tape, t) for t in (1.1, 1.13, 70)] == [set(), {"tikv-0"}, {"tikv-0"}]
    assert [states(tape, t)["tikv-0"] for t in (19.8, 19.9, 59.7, 59.9)] == [
        "Up",
        "Disconnected",
        "Disconnected",
        "Down",
    ]
    assert [(leader(tape, t, 8), leader(tape, t, 3)) for t in (11.6, 11.7, 17.1)] == [
        ("tikv-0", "tikv-0"),
        ("tikv-1", "tikv-0"),
        ("tikv-1", "tikv-2"),
    ]
    assert [serving(tape, t) for t in (0.1, 0.3, 17.01, 17.02, 70)] == [True, False, False, True, True]
    assert [wrote(tape, t) for t in (0.1, 0.2, 10.8, 10.9, 44)] == [True, False, False, True, True]
    assert silent(tape, 70) == {"tikv-0": Silence.REFUSES}


def test_node_down_fixed_by_deleting_the_pod() -> None:
    tape = Tape.load("node_down_fixed")
    patched, new = (tape.pods(t, "tikv")["tikv-0"] for t in (0, 3.8))
    assert "pause" in patched.images["tikv"]
    assert (new.uid == patched.uid, new.ready, new.images) == (False, True, tape.pods(0, "tikv")["tikv-1"].images)
    assert [states(tape, t)["tikv-0"] for t in (0, 4.7, 4.8)] == ["Down", "Down", "Up"]
    assert [pd(tape, t, "/regions/check/pending-peer")["count"] for t in (14.4, 14.5)] == [2, 0]
    assert all(serving(tape, t) for t in (0, 1, 2, 3, 4, 5, 15))
    assert wrote(tape, 1) is None, "nobody wrote then"


def test_pd_leader_kill_makes_every_store_look_down_while_clients_are_served() -> None:
    tape = Tape.load("pd_leader_kill")
    assert [pd(tape, t, "/leader")["name"] for t in (0, 0.6, 1, 20)] == ["pd-0", "pd-0", "pd-2", "pd-2"]
    assert tape.answer(1, "pd", "pd-0", "/pd/api/v1/ping") is Silence.REFUSES
    assert [list(states(tape, t).values()).count("Down") for t in (0.9, 1, 2.1, 2.6)] == [0, 3, 2, 0]
    assert [not_ready(tape, t) for t in (0.6, 2.1, 3.7, 3.8)] == [set(), {"pd-0"}, {"pd-0"}, set()]
    assert pd(tape, 4, "/status", "pd-0")["start_timestamp"] > pd(tape, 4, "/status")["start_timestamp"]
    assert all(serving(tape, t) and wrote(tape, t) for t in (0, 0.6, 1, 2, 3, 4, 20))


def test_a_frozen_store_hangs_from_the_first_failed_write_on_and_its_pod_stays_ready_for_long() -> None:
    tape = Tape.load("freeze")
    assert [silent(tape, t) for t in (0.1, 0.13, 60)] == [{}, {"tikv-1": Silence.HANGS}, {"tikv-1": Silence.HANGS}]
    assert [not_ready(tape, t) for t in (10.2, 20.7)] == [set(), {"tikv-1"}]
    assert [states(tape, t)["tikv-1"] for t in (20.7, 31.1, 63)] == ["Up", "Disconnected", "Down"]
    assert [leader(tape, t, 8) for t in (20.7, 31.1)] == ["tikv-1", "tikv-0"]
    assert [serving(tape, t) for t in (0.1, 0.2, 20.7, 31.1)] == [True, False, False, True]
    assert [wrote(tape, t) for t in (0.1, 0.2, 14.1, 14.2)] == [True, False, False, True]


def test_a_thawed_store_is_well_at_once() -> None:
    tape = Tape.load("freeze_ended")
    assert (silent(tape, 0.2), not_ready(tape, 0.2)) == ({"tikv-1": Silence.HANGS}, {"tikv-1"})
    assert (silent(tape, 0.4), not_ready(tape, 0.4), states(tape, 0.4)) == ({}, set(), ALL_UP)
    assert [wrote(tape, t) for t in (0, 1, 10)] == [True] * 3


def test_quorum_loss_leaves_pd_blind_to_it_while_no_region_has_a_leader() -> None:
    tape = Tape.load("quorum_loss")
    assert [not_ready(tape, t) for t in (1.8, 1.9)] == [set(), {"tikv-0", "tikv-2"}]
    assert all("pause" in tape.pods(0, "tikv")[name].images["tikv"] for name in ("tikv-0", "tikv-2"))
    assert [list(states(tape, t).values()).count("Disconnected") for t in (18.8, 18.9, 19.7)] == [0, 1, 2]
    assert {leader(tape, 40, region) for region in REGIONS} == {"tikv-0", "tikv-2"}
    assert [pd(tape, 40, f"/regions/check/{kind}-peer")["count"] for kind in ("pending", "down", "miss")] == [0, 0, 0]
    assert [confirming(tape, 40, region) for region in REGIONS] == [[]] * 5
    assert [wrote(tape, t) for t in (0.1, 0.2, 45)] == [True, False, False]
    assert wrote(tape, 46) is None, "the fix has begun: what was written then belongs to the next recording"


def test_quorum_loss_fixed_by_deleting_both_pods() -> None:
    tape = Tape.load("quorum_loss_fixed")
    assert [not_ready(tape, t) for t in (3.6, 3.7)] == [{"tikv-0", "tikv-2"}, set()]
    assert [list(states(tape, t).values()).count("Up") for t in (4.8, 4.9, 5.3)] == [1, 2, 3]
    assert [serving(tape, t) for t in (14.7, 14.8, 18.6)] == [False, False, True]
    assert [region for region in REGIONS if not confirming(tape, 14.8, region)] == [12]
    assert [wrote(tape, t) for t in (0, 14.3, 14.5, 40)] == [False, False, True, True]


def test_in_a_partition_two_stores_claim_a_region_and_clients_are_not_served() -> None:
    tape = Tape.load("partition")
    assert all((silent(tape, t), not_ready(tape, t)) == ({}, set()) for t in (0, 1, 10, 20, 45))
    assert [confirming(tape, t, 14) for t in (9.7, 9.8, 12.7, 12.8)] == [
        ["tikv-0"],
        ["tikv-0", "tikv-1"],
        ["tikv-0", "tikv-1"],
        ["tikv-1"],
    ]
    assert confirming(tape, 15, 10) == ["tikv-0", "tikv-2"]
    assert (serving(tape, 9), wrote(tape, 9)) == (True, False), "this is what only a writing client tells"
    assert [wrote(tape, t) for t in (0.4, 0.5, 14.5, 14.6)] == [True, False, False, True]
    assert [states(tape, t)["tikv-0"] for t in (18.6, 18.7)] == ["Up", "Disconnected"]


def test_partition_healed() -> None:
    tape = Tape.load("partition_healed")
    assert [states(tape, t)["tikv-0"] for t in (2.6, 2.7)] == ["Disconnected", "Up"]
    assert [pd(tape, t, "/regions/check/pending-peer")["count"] for t in (0, 0.7, 1.1)] == [4, 2, 0]
    assert all(serving(tape, t) and wrote(tape, t) for t in (0, 1, 2, 3, 20))


def test_a_healthy_cluster_stays_so() -> None:
    tape = Tape.load("healthy")
    assert all((serving(tape, t), states(tape, t), not_ready(tape, t)) == (True, ALL_UP, set()) for t in (0, 1, 600))
