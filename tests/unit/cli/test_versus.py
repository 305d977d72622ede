"""Two campaigns that differ in who acts, from one that was asked for; pairs that would prove nothing are refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from controller.api import CampaignSpec, Mode
from controller.cli.options import UsageError
from controller.cli.run.request import MOST, RunOptions, readable_name
from controller.cli.run.versus import ArmPair, idle_agent_warning, versus
from controller.records.arms import comparison_hash

AGENT = RunOptions(subject="tikv", chaos="node_kill", agent="agents/mine", variant="careful", model="m-1", trials=7)
SENDS = replace(AGENT, agent=None)


def put(asked: RunOptions, against: str, agent: str | None = None, name: str | None = None) -> ArmPair:
    return versus(asked, against, agent, name, draw=lambda most: most - 1)


def read(made: ArmPair, name: str = "n") -> list[CampaignSpec]:
    return [CampaignSpec.model_validate(spec) for spec in made.specs(name)]


def test_against_a_baseline_the_second_differs_only_in_that_nobody_acts() -> None:
    made = put(replace(AGENT, params=["count=2"], settings=["deadlines.healthySeconds=600"]), "baseline")
    first, second = read(made)
    assert (first.mode, second.mode) == (Mode.AGENT, Mode.BASELINE)
    assert (second.agent.source, second.agent.workload.name) == ("none", "mine"), "its Deployment is kept away"
    assert (second.variant.name, second.variant.model) == ("", "")
    assert made.other_name("n") == "n-baseline"
    hashes = {comparison_hash(each.model_dump(mode="json", by_alias=True)) for each in (first, second)}
    assert len(hashes) == 1, "the two can be compared"


def test_against_a_variant_the_second_differs_in_the_name_and_in_the_deployment() -> None:
    first, second = read(put(AGENT, "variant=bold", "elsewhere/other"))
    assert (first.variant.name, second.variant.name) == ("careful", "bold")
    assert (first.variant.model, second.variant.model) == ("m-1", ""), (
        "what was said of the model was said of the first"
    )
    assert (second.agent.workload.namespace, second.agent.workload.name) == ("elsewhere", "other")
    assert (second.mode, second.agent.source) == (Mode.AGENT, "http")


def test_a_baseline_has_no_options_of_a_source_and_a_variant_has_those_of_the_first() -> None:
    asked = replace(SENDS, source="operatorDb", source_options=["path=/x"])
    assert [each.agent.source_options for each in read(put(asked, "baseline"))] == [{"path": "/x"}, {}]
    assert [each.agent.source_options for each in read(put(asked, "variant=bold"))] == [{"path": "/x"}] * 2


def test_both_are_arms_of_one_group_with_the_same_seed() -> None:
    for asked, seed in ((AGENT, 2**31 - 1), (replace(AGENT, seed=9), 9), (replace(AGENT, settings=["seed=8"]), 8)):
        made = put(asked, "baseline")
        first, second = read(made, "n")
        assert made.seed == first.seed == second.seed == seed
        assert (first.interleave.group, second.interleave.group) == ("n", "n")
        assert (first.interleave.arm, second.interleave.arm) == ("agent", "baseline")


@pytest.mark.parametrize(
    ("asked", "against", "agent", "said"),
    [
        (AGENT, "nothing", None, "--versus takes baseline or variant=NAME, and 'nothing' is neither"),
        (AGENT, "variant=", None, "and 'variant=' is neither"),
        (AGENT, "baseline=x", None, "and 'baseline=x' is neither"),
        (replace(AGENT, mode=Mode.BASELINE), "baseline", None, "it goes with neither --baseline nor --control"),
        (replace(AGENT, mode=Mode.CONTROL), "variant=x", None, "it goes with neither --baseline nor --control"),
        (AGENT, "baseline", "a/b", "in a baseline nobody acts"),
        (AGENT, "variant=bold", None, "--agent and --versus-agent go together"),
        (SENDS, "variant=bold", "a/b", "--agent and --versus-agent go together"),
        (AGENT, "variant=bold", "agents/other", "are in one namespace, which holds the token of one campaign only"),
        (SENDS, "variant=careful", None, "both campaigns would be the variant 'careful'"),
        (replace(SENDS, settings=["variant.name=x"]), "variant=bold", None, "both campaigns would be the variant 'x'"),
        (replace(SENDS, agent_db="/o.db"), "variant=bold", None, "two variants cannot share one operator.db"),
        (replace(AGENT, settings=["mode=agent"]), "baseline", None, "--set mode does not go with --versus"),
        (replace(AGENT, settings=["interleave.group=x"]), "baseline", None, "--versus sets spec.interleave itself"),
    ],
)
def test_a_pair_that_would_prove_nothing_is_refused_in_a_sentence(
    asked: RunOptions, against: str, agent: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        put(asked, against, agent)


def test_there_must_be_room_for_the_second_name() -> None:
    made = put(AGENT, "baseline", name="n" * 54)
    assert len(made.other_name("n" * 54)) == MOST
    with pytest.raises(
        UsageError, match="--name may have 54 characters at most: the other campaign is called NAME-base"
    ):
        put(AGENT, "baseline", name="n" * 55)
    assert len(made.other_name(readable_name("s" * 60, "c" * 60, made.max_name_length))) <= MOST


def test_an_agent_that_nobody_starts_must_keep_still_and_that_is_said() -> None:
    assert idle_agent_warning(put(AGENT, "baseline")) is None
    said = idle_agent_warning(put(SENDS, "baseline"))
    assert said is not None and "keeps still in the trials of the other campaign" in said
