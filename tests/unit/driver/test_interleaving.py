"""TurnOwner turn it is: a function of how far both arms have come, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.api import Phase
from controller.campaign.interleaving import TurnOwner, decide_turn, runs_first
from controller.records import Arms, InterleavedArm
from controller.records.arms import NoPartner, partner_of
from tests.unit.driver.samples import at, row, tally
from tests.unit.records.samples import spec

SPEC = spec(trials=4).model_dump(mode="json", by_alias=True)


def campaign(arm: Any, phase: Any = Phase.RUNNING, born: int = 0, uid: Any = None, **asked: Any) -> Any:
    asked = SPEC | {"interleave": {"group": "g", "arm": arm}} | asked
    return replace(row(phase), uid=uid or f"uid-{arm}", name=f"c-{arm}", spec=asked, created_at=at(born))


def arm(name: Any, trial: Any, phase: Any = Phase.RUNNING, unpaired_from: Any = None) -> Any:
    return InterleavedArm(campaign(name, phase), tally(next_trial=trial, unpaired_from=unpaired_from))


def played(first: Any, second: Any, trials: Any) -> Any:
    """The order that comes of asking each time owner turn it is."""
    done, order = {first: 0, second: 0}, []
    while min(done.values()) < trials:
        turns = {
            me: decide_turn(Arms(arm(me, done[me] + 1), arm(other, done[other] + 1))).owner
            for me, other in ((first, second), (second, first))
        }
        (mine,) = [name for name, owner in turns.items() if owner is TurnOwner.SELF]
        done[mine] += 1
        order.append(f"{mine}{done[mine]}")
    return order


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_the_order_is_a_b_b_a_whoever_asks_and_it_is_always_the_turn_of_exactly_one(first: Any, second: Any) -> None:
    assert played(first, second, 4) == ["a1", "b1", "b2", "a2", "a3", "b3", "b4", "a4"]


def test_of_each_trial_exactly_one_begins() -> None:
    assert [runs_first("a", "b", trial) for trial in (1, 2, 3)] == [True, False, True]
    assert all(runs_first("a", "b", trial) is not runs_first("b", "a", trial) for trial in range(1, 10))


@pytest.mark.parametrize(
    ("mine", "partner", "owner", "reason"),
    [
        (arm("a", 1), None, TurnOwner.UNKNOWN, None),
        (arm("a", 2), arm("b", 1), TurnOwner.PARTNER, "TakesTurns"),
        (arm("a", 1), arm("b", 2), TurnOwner.SELF, "TakesTurns"),
        (arm("a", 2), arm("b", 1, Phase.SUSPENDED), TurnOwner.PARTNER, "TakesTurns"),
        (arm("a", 4), arm("b", 5, Phase.COMPLETE), TurnOwner.SELF, "TakesTurns"),
        (arm("a", 2), arm("b", 3, Phase.ABORTED), TurnOwner.SELF, "TakesTurns"),
        (arm("a", 3), arm("b", 3, Phase.ABORTED), TurnOwner.SELF, "PartnerEnded"),
        (arm("a", 3), arm("b", 1, Phase.FAILED), TurnOwner.SELF, "PartnerEnded"),
        (arm("a", 1), arm("b", 2, unpaired_from=1), TurnOwner.SELF, "PartnerAlone"),
        (arm("a", 2), arm("b", 5, unpaired_from=3), TurnOwner.SELF, "TakesTurns"),
        (arm("a", 3), arm("b", 5, unpaired_from=3), TurnOwner.SELF, "PartnerAlone"),
        (arm("a", 3, unpaired_from=1), arm("b", 1), TurnOwner.SELF, "PartnerMissing"),
        (arm("a", 3, unpaired_from=1), None, TurnOwner.SELF, "PartnerMissing"),
    ],
)
def test_whose_turn_it_is_and_what_is_said_of_it(mine: Any, partner: Any, owner: Any, reason: Any) -> None:
    turn = decide_turn(Arms(mine, partner))
    assert turn.owner is owner
    assert (turn.interleaving and turn.interleaving.reason) == reason
    assert turn.alone == (reason not in (None, "TakesTurns"))


def test_whoever_is_alone_says_from_which_trial_on_and_why() -> None:
    said = decide_turn(Arms(arm("a", 3), arm("b", 3, Phase.ABORTED))).interleaving.message
    assert said == "goes on alone from trial 3, without pairs: arm b (campaign default/c-b) is Aborted"
    said = decide_turn(
        Arms(arm("a", 3, unpaired_from=2), no_partner=NoPartner("GroupFull", "it is full"))  # type: ignore[arg-type]
    ).interleaving.message
    assert said == "goes on alone from trial 2, without pairs: it is full"


def test_a_campaign_that_takes_no_turns_has_no_partner() -> None:
    alone = replace(campaign("a"), spec=SPEC)
    assert partner_of(alone, []) is None
    assert partner_of(replace(alone, spec={"trials": 4}), []) is None, "recorded before there were turns"


def test_the_two_oldest_of_different_arms_are_the_pair_and_all_see_it_alike() -> None:
    a, b = campaign("a", born=1), campaign("b", born=2)
    again, third = campaign("a", born=1.5, uid="uid-again"), campaign("z", born=3)  # type: ignore[arg-type]
    members = [third, b, again, a]
    assert (partner_of(a, members), partner_of(b, members)) == (b, a)
    taken, full = partner_of(again, members), partner_of(third, members)
    assert taken == NoPartner("ArmTaken", "arm a of group g is campaign default/c-a")  # type: ignore[arg-type]
    assert full == NoPartner("GroupFull", "group g has its two arms: campaigns default/c-a and default/c-b")  # type: ignore[arg-type]


def test_with_the_same_arm_twice_the_older_one_waits_for_a_partner() -> None:
    a, again = campaign("a", born=1), campaign("a", born=2, uid="uid-again")
    assert partner_of(a, [a, again]) is None
    assert partner_of(again, [a, again]).reason == "ArmTaken"


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"seed": 1}, "seed"),
        ({"trials": 5}, "trials"),
        ({"chaos": {"type": "node_down", "params": {}}}, "chaos.type"),
        ({"subject": SPEC["subject"] | {"namespace": "elsewhere"}}, "subject.namespace"),
    ],
)
def test_arms_that_did_not_ask_the_same_are_no_pair_and_both_are_told_what_differs(asked: Any, fields: Any) -> None:
    a, b = campaign("a"), campaign("b", **asked)
    for me, other in ((a, b), (b, a)):
        what = f"campaign default/{other.name} of the same group differs in {fields}"
        assert partner_of(me, [a, b]) == NoPartner("PartnerDiffers", what)  # type: ignore[arg-type]


def test_mode_agent_and_variant_may_differ() -> None:
    a, b = campaign("a"), campaign("b", mode="agent", variant={"name": "v"}, agent={"source": "http"})
    assert partner_of(a, [a, b]) == b
