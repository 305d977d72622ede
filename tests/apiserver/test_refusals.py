"""A campaign that makes no sense never gets in, and whoever applied it is told why in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.campaigns import campaign
from tests.apiserver.kubectl import Kubectl

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "no trials at all",
        {"trials": 0},
        "spec.trials: Invalid value: 0: spec.trials in body should be greater than or equal to 1",
    ),
    (
        "more than ten thousand trials",
        {"trials": 10_001},
        "spec.trials: Invalid value: 10001: spec.trials in body should be less than or equal to 10000",
    ),
    (
        "a negative time",
        {"observeSeconds": -1},
        "spec.observeSeconds: Invalid value: -1: spec.observeSeconds in body should be greater than or equal to 1",
    ),
    (
        "a negative deadline of a step",
        {"deadlines": {"captureSeconds": -5}},
        "spec.deadlines.captureSeconds: Invalid value: -5: "
        "spec.deadlines.captureSeconds in body should be greater than or equal to 1",
    ),
    ("a time with a unit", {"settleSeconds": "5s"}, 'spec.settleSeconds in body must be of type integer: "string"'),
    ("half a trial", {"trials": 2.5}, 'spec.trials in body must be of type integer: "number"'),
    ("an unknown mode", {"mode": "agnet"}, 'spec.mode: Unsupported value: "agnet": supported values: "baseline"'),
    ("a misspelt field", {"trails": 3}, 'strict decoding error: unknown field "spec.trails"'),
    (
        "a misspelt field further down",
        {"deadlines": {"resetSecs": 3}},
        'strict decoding error: unknown field "spec.deadlines.resetSecs"',
    ),
    ("no subject", {"subject": None}, "spec.subject: Required value"),
    ("a subject that lives nowhere", {"subject": {"type": "etcd"}}, "spec.subject.namespace: Required value"),
    ("no chaos", {"chaos": None}, "spec.chaos: Required value"),
    ("chaos without a type", {"chaos": {"type": ""}}, "spec.chaos.type in body should be at least 1 chars long"),
    (
        "a namespace that cannot exist",
        {"subject": {"type": "etcd", "namespace": "Prod_1"}},
        '"Prod_1" cannot be the name of a namespace: lower-case letters, digits and dashes,'
        " with a letter or a digit at both ends",
    ),
    (
        "a boolean for a parameter",
        {"chaos": {"type": "node_kill", "params": {"force": True}}},
        'spec.chaos.params.force in body must be of type integer,string: "boolean"',
    ),
    (
        "too many parameters",
        {"chaos": {"type": "node_kill", "params": {f"p{n}": n for n in range(17)}}},
        "spec.chaos.params: Too many: 17: must have at most 16 items",
    ),
    (
        "a parameter of 257 characters",
        {"chaos": {"type": "node_kill", "params": {"note": "n" * 257}}},
        "spec.chaos.params.note: Too long: may not be more than 256",
    ),
    (
        "a parameter without a name",
        {"chaos": {"type": "node_kill", "params": {"": 1}}},
        "the name of a parameter must have between 1 and 63 characters",
    ),
    (
        "a parameter with a name of 64 characters",
        {"chaos": {"type": "node_kill", "params": {"p" * 64: 1}}},
        "the name of a parameter must have between 1 and 63 characters",
    ),
    (
        "a seed that a float cannot hold",
        {"seed": 2**53},
        "spec.seed in body should be less than or equal to 9007199254740991",
    ),
    ("a seed beyond all integers", {"seed": 10**30}, "spec.seed in body should be less than or equal to"),
]


@pytest.mark.parametrize(("spec", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_a_sentence(kubectl: Kubectl, crd: None, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in kubectl.apply_refused(campaign("default", name="refused", **spec))


def test_a_campaign_without_a_spec_is_refused(kubectl: Kubectl, namespace: str) -> None:
    empty = {key: value for key, value in campaign(namespace).items() if key != "spec"}
    assert "spec: Required value" in kubectl.apply_refused(empty)


def test_a_name_that_no_label_could_hold_is_refused_and_the_longest_that_fits_is_taken(
    kubectl: Kubectl, namespace: str
) -> None:
    complaint = kubectl.apply_refused(campaign(namespace, name="n" * 64))
    assert "metadata.name: Invalid value" in complaint
    assert "must have at most 63 characters, so that it fits into a label value" in complaint
    assert "created" in kubectl.apply(campaign(namespace, name="n" * 63))


ODD: list[tuple[str, dict[str, Any]]] = [
    ("parameters in any script", {"chaos": {"type": "node_kill", "params": {"größe": "大きい 🔥", "n": -(2**62)}}}),
    ("the largest seed", {"seed": 2**53 - 1}),
    ("a parameter of 256 characters that take 768 bytes", {"chaos": {"type": "x", "params": {"note": "大" * 256}}}),
    ("an empty text for a parameter", {"chaos": {"type": "node_kill", "params": {"note": ""}}}),
]


@pytest.mark.parametrize("spec", [case[1] for case in ODD], ids=[case[0] for case in ODD])
def test_odd_but_right_is_taken_and_comes_back_unchanged(
    kubectl: Kubectl, namespace: str, spec: dict[str, Any]
) -> None:
    kubectl.apply(campaign(namespace, **spec))
    stored = kubectl.json("get", "ec", "asked", "-n", namespace)["spec"]
    assert {field: stored[field] for field in spec} == spec
