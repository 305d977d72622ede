"""Raft's peers among themselves: ticks are counted by hand, messages delivered at once, or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from random import Random
from typing import Any

import pytest

from standin.raft.leadership import COMPACT_AT
from standin.raft.log import Log
from standin.raft.machine import Pace, Role
from standin.raft.message import Entry, Message
from standin.raft.peer import Peer


def applied(peer: Peer) -> list[Any]:
    """What the machine of a peer was given."""
    assert isinstance(peer.machine, Notes)
    return peer.machine.seen


class Notes:
    """A machine that remembers what was applied."""

    def __init__(self, voters: Collection[int]) -> None:
        self.voters = voters
        self.seen: list[Any] = []

    def apply(self, entry: Entry) -> int:
        self.seen.append(entry.data)
        return len(self.seen)

    def is_urgent(self, data: Any) -> bool:
        return data == "urgent"

    def snapshot(self) -> Any:
        return list(self.seen)

    def install(self, state: Any) -> None:
        self.seen = list(state)


class Group:
    """Peers 1, 2 and so on, with a network that may be cut anywhere."""

    def __init__(self, size: int = 3, seed: int = 1) -> None:
        self.random = Random(seed)
        self.voters = range(1, size + 1)
        self.peers = {id: self.peer(id) for id in self.voters}
        self.cut: set[int] = set()

    def peer(self, id: int) -> Peer:
        return Peer(id, Notes(self.voters), Pace(), self.random, Log())

    def deliver(self) -> None:
        while messages := [m for peer in self.peers.values() for m in peer.outbox]:
            for peer in self.peers.values():
                peer.outbox.clear()
            for message in messages:
                if not {message.sender, message.to} & self.cut:
                    self.peers[message.to].step(Message.from_json(message.to_json()))

    def tick(self, times: int = 1, only: Iterable[int] = ()) -> None:
        for _ in range(times):
            for id, peer in self.peers.items():
                if not only or id in only:
                    peer.tick()
                    self.deliver()

    def leader(self) -> Peer:
        """The one that is not cut off."""
        (leader,) = [p for id, p in self.peers.items() if p.role is Role.LEADER and id not in self.cut]
        return leader

    def elect(self) -> Peer:
        self.tick(20)
        return self.leader()


@pytest.fixture
def group() -> Group:
    return Group()


def test_a_group_elects_one_leader_between_one_and_two_election_timeouts(group: Group) -> None:
    group.tick(9)
    assert not any(peer.role is Role.LEADER for peer in group.peers.values())
    leader = group.elect()
    assert {peer.leader for peer in group.peers.values()} == {leader.id}


def test_what_a_majority_has_is_applied_and_what_only_the_leader_has_is_not(group: Group) -> None:
    leader = group.elect()
    group.cut = {leader.id}
    leader.propose("lost")
    group.deliver()
    assert applied(leader) == []
    group.cut = set()
    group.tick(3)
    assert [applied(peer) for peer in group.peers.values()] == [["lost"]] * 3


def test_who_hears_its_leader_gives_nobody_else_a_vote(group: Group) -> None:
    leader = group.elect()
    other = next(peer for peer in group.peers.values() if peer is not leader)
    term = leader.log.term
    other.campaign()
    group.deliver()
    assert group.leader() is leader
    assert leader.log.term == term


def test_a_leader_that_is_cut_off_resigns_between_one_and_two_election_timeouts_and_another_is_there_before(
    group: Group,
) -> None:
    leader = group.elect()
    group.tick(3)
    group.cut = {leader.id}
    believed = 0
    while leader.role is Role.LEADER:
        group.tick()
        believed += 1
    assert 9 <= believed <= 20
    group.tick(10)
    assert group.leader() is not leader


def test_who_was_cut_off_comes_back_without_disturbing_the_leader(group: Group) -> None:
    leader = group.elect()
    lonely = next(id for id in group.voters if id != leader.id)
    group.cut = {lonely}
    group.tick(60)
    assert group.peers[lonely].role is Role.PRECANDIDATE
    term = leader.log.term
    group.cut = set()
    group.tick(20)
    assert group.leader() is leader
    assert leader.log.term == term


def test_entries_of_a_deposed_leader_give_way_to_those_a_majority_agreed_on(group: Group) -> None:
    old = group.elect()
    group.cut = {old.id}
    for data in ("a", "b", "c"):
        old.propose(data)
    new = group.elect()
    new.propose("kept")
    group.deliver()
    group.cut = set()
    group.tick(5)
    assert [applied(peer) for peer in group.peers.values()] == [["kept"]] * 3


def test_a_follower_far_behind_gets_a_snapshot(group: Group) -> None:
    leader = group.elect()
    behind = next(id for id in group.voters if id != leader.id)
    group.cut = {behind}
    for number in range(2 * COMPACT_AT):
        leader.propose(number)
        group.deliver()
    # The log is kept for a follower that is there; a peer that begins anew has none of it.
    leader.log.compact(leader.applied)
    group.peers[behind] = group.peer(behind)
    group.cut = set()
    group.tick(5)
    assert applied(group.peers[behind]) == list(range(2 * COMPACT_AT))
    assert group.peers[behind].log.base_index > 0


def test_nobody_keeps_entries_that_everybody_has(group: Group) -> None:
    leader = group.elect()
    for number in range(5 * COMPACT_AT):
        leader.propose(number)
        group.deliver()
    group.tick(3)
    assert all(len(peer.log.entries) <= COMPACT_AT + 2 for peer in group.peers.values())


def test_leadership_is_handed_over_at_once_when_asked(group: Group) -> None:
    leader = group.elect()
    heir = next(peer for peer in group.peers.values() if peer is not leader)
    assert leader.leadership is not None
    leader.leadership.transfer(heir.id)
    assert leader.propose("refused meanwhile") is None
    group.deliver()
    assert group.leader() is heir


def test_handing_over_to_one_that_is_gone_is_given_up(group: Group) -> None:
    leader = group.elect()
    heir = next(id for id in group.voters if id != leader.id)
    group.cut = {heir}
    assert leader.leadership is not None
    leader.leadership.transfer(heir)
    group.tick(11)
    assert leader.propose("again") is not None


def test_urgent_entries_reach_followers_at_once_and_others_with_the_next_heartbeat(group: Group) -> None:
    leader = group.elect()
    followers = [peer for peer in group.peers.values() if peer is not leader]
    leader.propose("easy")
    group.deliver()
    assert [applied(peer) for peer in followers] == [[], []]
    leader.propose("urgent")
    group.deliver()
    assert [applied(peer) for peer in followers] == [["easy", "urgent"]] * 2


def test_a_new_leader_counts_itself_as_active_only_from_its_first_look_at_the_quorum_on(group: Group) -> None:
    leader = group.elect()
    assert leader.leadership is not None
    group.cut = {next(id for id in group.voters if id != leader.id)}
    active = {id: progress.active for id, progress in leader.leadership.progress.items()}
    assert active[leader.id] is False
    group.tick(13)
    assert leader.leadership.progress[leader.id].active is True


def test_a_group_of_one_leads_itself_without_waiting_for_anybody() -> None:
    group = Group(size=1)
    group.peers[1].campaign()
    assert group.leader().propose("alone") is not None
    assert applied(group.peers[1]) == ["alone"]


def test_a_peer_that_replays_the_facts_of_another_is_equal_to_it(group: Group) -> None:
    leader = group.elect()
    for number in range(3 * COMPACT_AT):
        leader.propose(number)
        group.deliver()
    for peer in group.peers.values():
        risen = group.peer(peer.id)
        for fact in peer.log.facts:
            risen.replay(fact)
        assert risen.to_json() == peer.to_json()
        again = group.peer(peer.id)
        again.load(peer.to_json())
        assert again.to_json() == peer.to_json()


def test_a_vote_is_not_given_twice_in_a_term_even_after_a_restart(group: Group) -> None:
    peer = group.peers[1]
    ends: dict[str, Any] = {"index": 9, "log_term": 9}
    peer.step(Message("vote", 2, 1, 7, **ends))
    risen = group.peer(1)
    risen.load(peer.to_json())
    risen.step(Message("vote", 3, 1, 7, **ends))
    assert [(m.to, m.reject) for m in (*peer.outbox, *risen.outbox)] == [(2, False), (3, True)]
