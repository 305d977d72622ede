"""The oracle held against a real TiKV under faults, with a writing client as ground truth.

A poll of the recordings took up to half a second, and so does one of ours: what is said of an instant holds within one
second of it.
"""

import pytest

from tests.simulation.tikv_replay import Replay, replay

POLL = 1.0


def test_a_healthy_cluster_is_healthy_as_soon_as_it_has_answered_and_nothing_is_ever_claimed_of_it() -> None:
    healthy = replay("healthy", 5)
    assert healthy.healthy(-2.5, 5) == {True}
    assert False not in healthy.serving(-3, 5) | healthy.healthy(-3, 5)


def test_a_killed_leader_serves_nobody_before_ten_seconds_and_has_not_recovered_before_its_last_region_is_led() -> None:
    kill = replay("kill_leader_store_grace1", 40)
    assert True not in kill.serving(0 + POLL, 10)
    assert kill.serving(12.4 + POLL, 40) == {True}
    seen = kill.observed("tikv-0")
    assert 12.4 <= kill.seconds(seen.serving_again_at) <= 12.4 + POLL
    # PD counted replicas that lagged until its next poll after 12.4 s, which was made at 25 s.
    assert kill.seconds(seen.recovered_at) >= 12.4
    assert True not in kill.healthy(0 + POLL, kill.seconds(seen.recovered_at) - 0.1)
    assert "PeersPending" in kill.reasons(12.4 + POLL, kill.seconds(seen.recovered_at))


def test_a_kill_without_grace_is_seen_as_the_recorded_client_saw_it() -> None:
    kill = replay("kill_leader_store_grace0", 20)
    assert True not in kill.serving(0 + POLL, 10.4)
    assert (
        13.8 <= kill.seconds(kill.observed("tikv-1", settle=0).serving_again_at or kill.tape.instant(99)) <= 13.8 + POLL
    )


def test_a_node_that_stays_down_serves_again_by_itself_and_is_never_healthy() -> None:
    down = replay("node_down", 80)
    assert True not in down.serving(0 + POLL, 17.0)
    assert down.serving(17.0 + POLL, 80) == {True}
    assert True not in down.healthy(0 + POLL, 80)
    assert {"PodNotReady", "PodImageDiffers", "StoreDown", "PeersPending"} <= down.reasons(20, 80)


def test_a_node_that_somebody_mended_is_healthy_at_fourteen_and_a_half_seconds() -> None:
    fixed = replay("node_down_fixed", 20)
    seen = fixed.observed("tikv-0")
    assert 14.4 <= fixed.seconds(seen.recovered_at) <= 14.5 + POLL
    assert True not in fixed.healthy(0, 14.4)


def test_a_change_of_pds_leader_is_not_three_dead_stores() -> None:
    kill = replay("pd_leader_kill", 10)
    assert not kill.reasons(0, 10) & {"StoreDown", "StoreSilent", "StoreMissing", "RegionsUnled"}
    assert False not in kill.serving(0, 10)
    assert "StoreUnheard" in kill.reasons(0.9, 2.5)
    assert 3.7 <= kill.seconds(kill.observed("pd-0").recovered_at) <= 3.8 + POLL


def test_a_change_of_pds_leader_is_not_noticed_by_a_writing_client(monkeypatch: pytest.MonkeyPatch) -> None:
    assert replay("pd_leader_kill", 10, monkeypatch).serving(-2, 10) == {True}


def test_a_lost_quorum_serves_nothing_although_pd_shows_leaders_and_no_peers_down() -> None:
    lost = replay("quorum_loss", 25)
    assert True not in lost.serving(0 + POLL, 25)
    assert True not in lost.healthy(0 + POLL, 25)
    assert not lost.reasons(0 + POLL, 25) & {"PeersDown", "PeersPending"}
    assert "RegionsUnled" in lost.reasons(0 + POLL, 25)


def test_a_quorum_that_is_back_serves_when_its_last_region_is_led() -> None:
    fixed = replay("quorum_loss_fixed", 30)
    assert True not in fixed.serving(0, 14.8)
    assert fixed.serving(18.6 + POLL, 30) == {True}


def test_a_frozen_store_is_told_silent_long_before_kubernetes_or_pd_notice() -> None:
    frozen = replay("freeze", 25)
    # It is asked with a limit of one second; what it said last holds until then.
    assert True not in frozen.serving(2.5, 14.2)
    assert "StoreSilent" in frozen.reasons(1, 2.5)


def test_a_partition_is_seen_by_the_writes_alone_from_its_first_second_to_its_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = replay("partition", 40, monkeypatch)
    # A write that hangs is known to do so after its limit of a second, and the outage began when it was sent.
    assert True not in cut.serving(0.4 + 2 * POLL, 14.5)
    seen = cut.observed("tikv-0")
    assert 0.4 <= cut.seconds(seen.serving_lost_at) <= 0.4 + POLL
    assert 14.5 <= cut.seconds(seen.serving_again_at) <= 14.5 + POLL
    # The recorded client wrote to region 8 only: the regions that were led later are not in its writes.
    assert cut.serving(14.5 + POLL, 40) == {True}
    assert True not in cut.healthy(0.4 + 2 * POLL, 40)


def test_without_a_writing_client_a_leader_that_is_cut_off_is_believed_which_is_the_oracles_known_blindness() -> None:
    cut = replay("partition", 10)
    assert cut.serving(1, 9) == {True}, "its clients had no write from 0.4 s on"
    assert cut.healthy(1, 3) == {True}
    assert cut.reasons(6, 9) == {"StoreStale"}, "PD misses it, though it answers us"


def test_a_store_that_pd_no_longer_hears_is_unheard_when_it_still_answers_us() -> None:
    cut = replay("partition", 30)
    assert "StoreUnheard" in cut.reasons(19.7, 30)
    assert "StoreDown" not in cut.reasons(0, 30)


def test_a_healed_partition_is_healthy_when_pd_hears_the_store_and_its_replicas_are_in_step() -> None:
    healed = replay("partition_healed", 15)
    seen = healed.observed("tikv-0")
    assert seen.recovered_at is not None
    assert healed.seconds(seen.recovered_at) >= 2.6


@pytest.mark.parametrize("name", ["node_down", "pd_leader_kill", "quorum_loss", "partition", "freeze"])
def test_our_own_sight_is_never_lost_while_the_subject_suffers(name: str) -> None:
    played = replay(name, 20)
    blind = [t for t, verdict in played.verdicts if t > 0 and verdict.healthy is None]
    assert _longest(blind, played) <= POLL


def _longest(blind: list[float], played: Replay) -> float:
    """The longest stretch of verdicts without an answer, in seconds."""
    longest = begun = 0.0
    for t, verdict in played.verdicts:
        if verdict.healthy is not None:
            begun = t
        longest = max(longest, t - begun)
    return longest if blind else 0.0
