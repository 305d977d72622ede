"""What people have applied and recorded as v1alpha1 stays accepted: docs/decisions/063-versions-of-the-resource.md.

`v1alpha1.json` is what the resource and the records had when that was decided. It only ever grows.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import ConditionType, Failure, Mode, Outcome, Phase, Reason, Step
from controller.authorization import Namespace, missing_agent_authorization, missing_authorization
from controller.cli.checks.permissions import LABELS as INTAKE_LABELS
from controller.records.rows import Flag
from controller.tokens import ANNOTATION
from tests.unit.crd.flat import crd_fields, load_crd, schema_of

KNOWN = json.loads(Path(__file__).with_name("v1alpha1.json").read_text())
FIELDS: dict[str, dict[str, Any]] = KNOWN["fields"]
KEYS: dict[str, list[str]] = KNOWN["keys"]
"""Keys of labels and annotations that people have put on their objects, by what each is for."""

MANIFESTS = Path(__file__).parents[3] / "manifests"
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties", "maxNameLength")
LOWER = ("minimum", "minLength", "minItems", "minProperties", "minNameLength")


def broken_promises(then: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """What was accepted then and is refused, or means something else, now."""
    broken = [f"{path} is gone" for path in then if path not in now]
    for path, was in then.items():
        is_ = now.get(path, was)
        if is_["type"] != was["type"]:
            broken.append(f"{path} was {was['type']} and is {is_['type']}")
        if "enum" in was and "enum" not in is_:
            # A list that was opened: every value of it must still be one.
            broken += [f"{path} no longer takes {value}" for value in was["enum"] if not _is_taken(value, is_)]
            was = {**was, "pattern": is_.get("pattern"), "maxLength": 0}
        if "enum" in is_ and (gone := set(was.get("enum", [])) - set(is_["enum"])):
            broken.append(f"{path} no longer takes {', '.join(sorted(gone))}")
        if is_.get("default") != was.get("default"):
            broken.append(f"{path} had the default {was.get('default')!r} and has {is_.get('default')!r}")
        if "pattern" in is_ and is_["pattern"] != was.get("pattern"):
            broken.append(f"{path} has another pattern")
        broken += [f"{path}: {word} is lower" for word in UPPER if word in is_ and is_[word] < was.get(word, 2**63)]
        broken += [f"{path}: {word} is higher" for word in LOWER if word in is_ and is_[word] > was.get(word, -(2**63))]
        if is_.get("required") and not was.get("required"):
            broken.append(f"{path} is required now")
    broken += [
        f"{path} is new and required"
        for path, words in now.items()
        if path not in then and words.get("required") and path.startswith("spec.") and path.rpartition(".")[0] in then
    ]
    return broken


def _is_taken(value: str, words: dict[str, Any]) -> bool:
    matches = re.fullmatch(words.get("pattern", ".*"), value) is not None
    return matches and words.get("minLength", 0) <= len(value) <= words.get("maxLength", 2**63)


def test_a_spec_and_a_status_of_earlier_versions_are_still_what_they_were() -> None:
    assert broken_promises(FIELDS, crd_fields(schema_of(load_crd()))) == []


@pytest.mark.parametrize(
    ("path", "change", "complaint"),
    [
        ("spec.trials", None, "spec.trials is gone"),
        ("spec.trials", {"type": "string"}, "spec.trials was integer and is string"),
        ("spec.trials", {"maximum": 100}, "spec.trials: maximum is lower"),
        ("spec.mode", {"enum": ["agent"]}, "spec.mode no longer takes baseline, control"),
        ("spec.mode", {"enum": ..., "pattern": "^[a-c]+$"}, "spec.mode no longer takes baseline"),
        ("spec.mode", {"enum": ..., "maxLength": 5}, "spec.mode no longer takes control"),
        ("spec.variant", {"required": True}, "spec.variant is required now"),
        ("spec.reset", {"default": "recreate"}, "spec.reset had the default 'heal' and has 'recreate'"),
        ("spec.priority", {"type": "integer", "required": True}, "spec.priority is new and required"),
    ],
)
def test_a_change_that_would_refuse_what_people_have_applied_is_found(
    path: str, change: dict[str, Any] | None, complaint: str
) -> None:
    words = FIELDS.get(path, {}) | (change or {})
    now = {**FIELDS, path: {word: value for word, value in words.items() if value is not ...}}
    if change is None:
        del now[path]
    assert complaint in broken_promises(FIELDS, now)


def test_a_new_optional_field_and_a_new_value_break_nothing() -> None:
    mode = FIELDS["spec.mode"]
    now = {**FIELDS, "spec.priority": {"type": "integer", "required": False, "default": 0}}
    assert broken_promises(FIELDS, now | {"spec.mode": mode | {"enum": [*mode["enum"], "replay"]}}) == []


@pytest.mark.parametrize("words", [Mode, Outcome, Phase, Step, ConditionType, Reason, Failure, Flag])
def test_every_word_that_may_stand_in_a_record_or_a_status_is_still_read(words: type[StrEnum]) -> None:
    assert set(KNOWN["recorded"][words.__name__]) - {word.value for word in words} == set()


@pytest.mark.parametrize("label", KEYS["subject_label"])
@pytest.mark.parametrize("annotation", KEYS["allowed_annotation"])
def test_a_namespace_that_has_authorized_campaigns_under_any_key_still_does(label: str, annotation: str) -> None:
    namespace = Namespace("lab", {label: "true"}, {annotation: "team-a"})
    assert missing_authorization(namespace, "team-a") is None
    assert missing_agent_authorization(namespace, "team-a") is None
    assert missing_authorization(Namespace("lab", {}, {annotation: "team-a"}), "team-a") is not None
    assert missing_authorization(Namespace("lab", {label: "true"}, {}), "team-a") is not None


@pytest.mark.parametrize(
    ("keys", "manifest"), [("intake_label", "controller/isolation.yaml"), ("metrics_label", "metrics/isolation.yaml")]
)
def test_a_namespace_that_was_let_through_to_a_port_under_any_label_still_is(keys: str, manifest: str) -> None:
    admitted = [
        peer["namespaceSelector"]["matchLabels"]
        for policy in yaml.safe_load_all((MANIFESTS / manifest).read_text())
        for rule in policy["spec"]["ingress"]
        for peer in rule.get("from", [])
        if "namespaceSelector" in peer
    ]
    assert [key for key in KEYS[keys] if {key: "true"} not in admitted] == []


def test_doctor_and_the_owner_of_a_token_know_the_keys_that_they_knew() -> None:
    assert set(KEYS["intake_label"]) <= set(INTAKE_LABELS)
    assert KEYS["token_annotation"] == [ANNOTATION]
