from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.analysis.conclusion import circumstances, in_turns
from controller.api import Outcome
from controller.records.rows import CampaignRow, Flag
from tests.unit.analysis.samples import campaign, trial


def arms(one: str = "agent", other: str = "baseline", group: str = "g") -> tuple[CampaignRow, CampaignRow]:
    return campaign("a", interleave={"group": group, "arm": one}), campaign(
        "b", interleave={"group": group, "arm": other}
    )


def later(by: timedelta) -> tuple[CampaignRow, CampaignRow]:
    """A campaign, and another that began so long after its end."""
    first = campaign("first")
    begun = first.finished_at + by
    return first, replace(campaign("second"), started_at=begun, finished_at=begun + timedelta(hours=1))


def test_two_arms_of_a_group_took_turns() -> None:
    assert in_turns(*arms())
    trials = [trial(index, Outcome.SELF_HEALED) for index in (1, 2)]
    assert circumstances(*arms(), trials) == "They took turns, trial by trial."


def test_of_an_arm_that_went_on_alone_it_is_said_from_when_on() -> None:
    trials = [trial(1, Outcome.SELF_HEALED), *(trial(i, Outcome.SELF_HEALED, flags=(Flag.UNPAIRED,)) for i in (4, 3))]
    assert circumstances(*arms(), trials) == (
        "They took turns up to trial 2; from trial 3 on one of them ran alone, and there what changed meanwhile "
        "(drift) cannot be told from an effect."
    )
    assert circumstances(*arms(), [*trials[1:], replace(trials[1], trial=1)]).startswith(
        "They were to take turns, and did not: what changed meanwhile (drift) cannot be told"
    )


@pytest.mark.parametrize(
    "pair",
    [(campaign("a"), campaign("b")), arms("same", "same"), (arms()[0], arms(group="h")[1])],
    ids=["no group", "one arm", "two groups"],
)
def test_others_did_not(pair: tuple[CampaignRow, CampaignRow]) -> None:
    assert not in_turns(*pair)
    said = circumstances(*pair, [])
    assert said.startswith("They did not take turns") and said.endswith("(drift) cannot be told from an effect.")


def test_arms_of_two_namespaces_are_strangers() -> None:
    ours, theirs = arms()
    assert not in_turns(ours, replace(theirs, namespace="elsewhere"))


@pytest.mark.parametrize(
    "by, said",
    [
        (timedelta(seconds=90), "90 s after the other had ended"),
        (timedelta(minutes=5), "5 min after the other had ended"),
        (timedelta(hours=30), "30 h after the other had ended"),
        (timedelta(days=3), "3 days after the other had ended"),
        (timedelta(minutes=-10), "while the other ran"),
    ],
)
def test_how_far_apart_they_ran_is_said_whichever_comes_first(by: timedelta, said: str) -> None:
    first, second = later(by)
    assert said in circumstances(first, second, []) == circumstances(second, first, [])


def test_one_that_is_not_over_is_no_reason_to_fail() -> None:
    first, second = later(timedelta(0))
    assert "is not over" in circumstances(replace(first, finished_at=None), second, [])
