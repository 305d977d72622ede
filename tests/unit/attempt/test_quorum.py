"""Never more than a minority of a quorum, unless the campaign says so."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from controller.attempt.injection import exceeds_quorum
from controller.status import REFUSED
from subjects.protocol import BlastRadius


@pytest.mark.parametrize("voters", range(1, 10))
def test_whatever_is_allowed_leaves_a_majority_of_the_voters(voters: Any) -> None:
    for hit in range(1, voters + 1):
        allowed = exceeds_quorum("node_kill", BlastRadius(hit, voters, voters), allow_quorum_loss=False) is None
        assert allowed == (voters - hit > voters / 2)


@pytest.mark.parametrize(("members", "voters"), [(4, 3), (5, 3), (7, 5), (9, 3)])
def test_where_the_data_is_spread_whatever_is_allowed_leaves_a_majority_of_any_that_may_hold_it(
    members: Any, voters: Any
) -> None:
    for hit in range(1, members):
        allowed = exceeds_quorum("node_kill", BlastRadius(hit, members, voters), allow_quorum_loss=False) is None
        broken = set(range(hit))
        left = min(len(set(group) - broken) for group in combinations(range(members), voters))
        assert allowed == (left > voters / 2)


def test_the_refusal_names_what_was_asked_what_would_do_and_what_to_say() -> None:
    refused = exceeds_quorum("node_kill", BlastRadius(2, 3, 3), allow_quorum_loss=False)
    assert refused.message == (
        "node_kill of 2 of 3 members would take the quorum (at most 1); set allowQuorumLoss: true to do it all the same"
    )
    spread = exceeds_quorum("node_kill", BlastRadius(2, 5, 3), allow_quorum_loss=False)
    assert "node_kill of 2 of 5 members would take the quorum (3 vote together, at most 1)" in spread.message
    assert refused.reason == "QuorumLoss" and refused.reason in REFUSED


def test_a_campaign_may_say_that_it_means_it_but_nobody_hits_more_members_than_there_are() -> None:
    assert exceeds_quorum("node_kill", BlastRadius(3, 3, 3), allow_quorum_loss=True) is None
    refused = exceeds_quorum("node_kill", BlastRadius(4, 3, 3), allow_quorum_loss=True)
    assert (refused.reason, refused.message) == ("InvalidParams", "node_kill of 4 of 3 members: there are not so many")
