"""What the stores say of their regions on a tape."""

import pytest

from tests.support.tape import NAMES, Tape
from tests.unit.subjects.tapes import PODS, leader, raft_state, recorded, silent


def test_a_stores_own_region_looks_as_recorded() -> None:
    example = recorded("tikv_region_status")
    tape = Tape.load("node_down")  # where region 8 has the same leader after a while
    for pod in ("tikv-1", "tikv-2"):
        answer = tape.answer(20, "tikv", pod, "/region/8").body  # type: ignore[union-attr]
        assert answer["region_state"] == example[pod]["region_state"]
        assert answer["raft_status"]["soft_state"] == example[pod]["raft_status"]["soft_state"]
        assert answer["raft_status"].keys() == example[pod]["raft_status"].keys()
        assert answer["raft_status"]["voters"].keys() == example[pod]["raft_status"]["voters"].keys()


def test_a_leader_calls_as_many_voters_active_as_were_counted_itself_first() -> None:
    tape = Tape.load("partition")
    for t, pod, region, count in ((0, "tikv-0", 10, 3), (10, "tikv-1", 14, 1), (30, "tikv-2", 10, 2)):
        raft = tape.answer(t, "tikv", pod, f"/region/{region}").body["raft_status"]  # type: ignore[union-attr]
        active = [peer for peer, voter in raft["voters"].items() if voter["recent_active"]]
        assert (len(active), str(raft["id"]) in active, len(raft["voters"])) == (count, True, 3)


def test_of_two_that_claim_a_region_the_third_believes_whom_pd_names() -> None:
    tape = Tape.load("partition")
    followed = tape.answer(10, "tikv", "tikv-2", "/region/14").body["raft_status"]["soft_state"]  # type: ignore[union-attr]
    claimed = tape.answer(10, "tikv", "tikv-1", "/region/14").body["raft_status"]  # type: ignore[union-attr]
    assert leader(tape, 10, 14) == "tikv-1"
    assert (followed["raft_state"], followed["leader_id"]) == ("Follower", claimed["id"])


@pytest.mark.parametrize("name", NAMES)
def test_every_store_that_answers_is_leader_or_follower_of_every_region(name: str) -> None:
    tape = Tape.load(name)
    for t in (0.0, 1.0, 10.0, 20.0):
        for pod in set(PODS) - set(silent(tape, t)):
            for region in (3, 8, 10, 12, 14):
                assert raft_state(tape.answer(t, "tikv", pod, f"/region/{region}")) in ("Leader", "Follower")  # type: ignore[arg-type]


def test_a_store_tells_how_often_it_reports_to_pd() -> None:
    config = Tape.load("healthy").answer(0, "tikv", "tikv-0", "/config").body  # type: ignore[union-attr]
    assert config["raftstore"]["pd-store-heartbeat-tick-interval"] == "2s"
