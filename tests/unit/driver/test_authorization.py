"""Whose campaigns may break a namespace: those that its owner names, and nobody's else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.authorization import (
    ALLOWED_ANNOTATION,
    DEFAULT_KEYS,
    FORMER_ALLOWED_ANNOTATION,
    FORMER_OPT_IN_LABEL,
    OPT_IN_LABEL,
    Namespace,
    OptInKeys,
    missing_agent_authorization,
    missing_authorization,
)

OPTED_IN = {OPT_IN_LABEL: "true"}


def refusal(allowed: str | None, labels: Any = OPTED_IN, campaign_namespace: str = "team-a") -> Any:
    annotations = {} if allowed is None else {ALLOWED_ANNOTATION: allowed}
    return missing_authorization(Namespace("tikv", labels, annotations), campaign_namespace)


@pytest.mark.parametrize("allowed", ["team-a", "team-b,team-a", " team-b , team-a ,", "*", "team-b,*", "Team_B,team-a"])
def test_those_are_allowed_that_the_owner_names(allowed: Any) -> None:
    assert refusal(allowed) is None


@pytest.mark.parametrize(
    "allowed",
    [None, "", " ", ",,", "team-b", "team", "team-ab", "TEAM-A", "team-*", "**", "team-a;team-b", "team-a\nx"],
)
def test_nobody_else_is(allowed: Any) -> None:
    refused = refusal(allowed)
    assert refused.reason == "NotAllowed"
    assert ALLOWED_ANNOTATION in refused.message and "team-a" in refused.message


@pytest.mark.parametrize("value", ["", "false", "True", "yes"])
def test_without_the_label_no_annotation_helps(value: Any) -> None:
    assert refusal("*", labels={OPT_IN_LABEL: value}).reason == "NotOptedIn"


def test_where_nothing_is_said_the_sentence_has_the_command() -> None:
    assert refusal(None).message == (
        "namespace tikv does not allow campaigns of namespace team-a to break it: it lacks the annotation "
        "managed-access-namespaces=team-a "
        "(kubectl annotate namespace tikv managed-access-namespaces=team-a --overwrite)"
    )


def test_where_others_are_allowed_the_sentence_says_what_to_add_and_does_not_say_who_they_are() -> None:
    told = refusal("team-b,team-c").message
    assert "names others; add team-a to it, after a comma" in told
    assert "team-b" not in told


def test_an_entry_that_cannot_be_a_namespace_is_pointed_out() -> None:
    assert refusal("team-b,team-*").message.endswith(
        "'team-*' in it is no name of a namespace (* by itself allows any)"
    )


@given(st.text())
def test_whatever_the_annotation_holds_the_answer_is_yes_or_a_short_sentence(allowed: Any) -> None:
    refused = refusal(allowed)
    named = {entry.strip() for entry in allowed.split(",")}
    assert (refused is None) == bool(named & {"team-a", "*"})
    assert refused is None or len(refused.message) <= 1024


def test_an_endless_annotation_makes_no_endless_sentence() -> None:
    assert len(refusal("Ä" * 200_000, campaign_namespace="n" * 63).message) <= 1024


def missing(labels: Any, annotations: Any, keys: Any = DEFAULT_KEYS, campaign_namespace: str = "team-a") -> Any:
    return missing_authorization(Namespace("tikv", labels, annotations), campaign_namespace, keys)


OLD_LABEL, OLD_ANNOTATION = {FORMER_OPT_IN_LABEL: "true"}, {FORMER_ALLOWED_ANNOTATION: "team-a"}


@pytest.mark.parametrize("label", [OPT_IN_LABEL, FORMER_OPT_IN_LABEL])
@pytest.mark.parametrize("annotation", [ALLOWED_ANNOTATION, FORMER_ALLOWED_ANNOTATION])
def test_what_owners_said_under_the_former_names_holds_for_ever(label: Any, annotation: Any) -> None:
    assert missing({label: "true"}, {annotation: "team-a"}) is None
    assert missing({}, {annotation: "team-a"}).reason == "NotOptedIn"
    assert missing({label: "true"}, {annotation: "team-b"}).reason == "NotAllowed"


def test_messages_have_the_plain_names_and_nothing_of_ours() -> None:
    for refused in (missing({}, {}), missing(OLD_LABEL, {})):
        assert "evalcampaign" not in refused.message and "managed-access" in refused.message


def test_who_took_consent_back_under_one_name_meant_it() -> None:
    for withdrawn in ({OPT_IN_LABEL: "false"} | OLD_LABEL, {OPT_IN_LABEL: "true", FORMER_OPT_IN_LABEL: "no"}):
        refused = missing(withdrawn, OLD_ANNOTATION)
        assert refused.reason == "NotOptedIn" and "which is no consent" in refused.message


def test_an_annotation_under_both_names_allows_whom_either_names() -> None:
    both = {ALLOWED_ANNOTATION: "team-b", FORMER_ALLOWED_ANNOTATION: "team-a"}
    assert missing(OLD_LABEL, both) is None
    assert missing(OLD_LABEL, both, campaign_namespace="team-b") is None
    refused = missing(OLD_LABEL, both, campaign_namespace="team-c")
    assert "its annotation managed-access-namespaces names others" in refused.message


def test_an_installation_has_names_of_its_own_and_the_former_beside_them() -> None:
    keys = OptInKeys("example.org/ok", "example.org/who")
    assert missing({"example.org/ok": "true"}, {"example.org/who": "team-a"}, keys) is None
    assert missing(OLD_LABEL, OLD_ANNOTATION, keys) is None
    assert missing({OPT_IN_LABEL: "true"}, {ALLOWED_ANNOTATION: "team-a"}, keys).message.endswith("example.org/ok=true")


def test_an_agents_namespace_needs_no_label_and_its_sentence_says_what_is_asked() -> None:
    assert missing_agent_authorization(Namespace("agents", {}, {ALLOWED_ANNOTATION: "team-a"}), "team-a") is None
    refused = missing_agent_authorization(Namespace("agents", OPTED_IN), "team-a")
    assert refused.reason == "AgentNotAllowed"
    assert refused.message == (
        "namespace agents does not allow campaigns of namespace team-a to start and end the agents in it: it lacks the "
        f"annotation {ALLOWED_ANNOTATION}=team-a (kubectl annotate namespace agents {ALLOWED_ANNOTATION}=team-a "
        "--overwrite)"
    )
