"""The CRD and the models of `controller/api` say the same, field by field, in both directions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import BaseModel, Field

from controller import api
from tests.unit.crd.flat import COMPARED, Flat, crd_fields, filled, load_crd, model_fields, schema_of

MODELS: dict[str, type[BaseModel]] = {"spec": api.CampaignSpec, "status": api.CampaignStatus}


def differences(crd: Flat, models: Flat) -> list[str]:
    """What the two do not agree on, one sentence each, the path first."""
    found = [f"{path}: in controller/api and not in the CRD" for path in models.keys() - crd.keys()]
    found += [f"{path}: in the CRD and not in controller/api" for path in crd.keys() - models.keys()]
    for path in crd.keys() & models.keys():
        for word in COMPARED:
            said = [filled(side, path) if word == "default" else side[path].get(word) for side in (crd, models)]
            if said[0] != said[1]:
                found.append(f"{path}: {word} is {said[0]!r} in the CRD and {said[1]!r} in controller/api")
    return sorted(found)


def models(**instead: type[BaseModel]) -> Flat:
    return model_fields(MODELS | instead, required=("spec",))


def test_the_crd_and_the_models_say_the_same() -> None:
    assert differences(crd_fields(schema_of(load_crd())), models()) == []


def test_every_part_of_the_resource_is_compared() -> None:
    compared = crd_fields(schema_of(load_crd()))
    for path in ("spec.deadlines.captureSeconds", "spec.chaos.params[*]", "status.conditions[].lastTransitionTime"):
        assert path in compared


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("spec.trials", {"maximum": 9999}, "spec.trials: maximum is 9999 in the CRD and 10000 in controller/api"),
    ("spec.trials", {"minimum": None}, "spec.trials: minimum is None in the CRD and 1"),
    ("spec.trials", {"default": 6}, "spec.trials: default is 6 in the CRD and 8"),
    ("spec.trials", {"type": "string"}, "spec.trials: type is 'string' in the CRD and 'integer'"),
    ("spec.subject.type", {"maxLength": 64}, "spec.subject.type: maxLength is 64"),
    ("spec.subject.namespace", {"x-kubernetes-validations": []}, "spec.subject.namespace: pattern is None"),
    ("spec.subject.endpoints", {"maxItems": 17}, "spec.subject.endpoints: maxItems is 17"),
    ("spec.subject.endpoints", {"items": {"type": "string"}}, "spec.subject.endpoints[]: maxLength is None"),
    ("spec.subject.selectors", {"additionalProperties": {}}, "spec.subject.selectors[*]: maxLength is None"),
    ("spec.subject.tlsSecret", {"x-kubernetes-validations": []}, "spec.subject.tlsSecret: pattern is None"),
    ("spec.chaos", {"required": []}, "spec.chaos.type: required is False"),
    ("spec.chaos.params", {"maxProperties": 17}, "spec.chaos.params: maxProperties is 17"),
    ("spec.chaos.params", {"x-kubernetes-validations": []}, "spec.chaos.params: maxNameLength is None"),
    ("spec.deadlines.captureSeconds", {"default": 31}, "spec.deadlines: default is"),
    ("spec.mode", {"enum": ["baseline", "agent"]}, "spec.mode: enum is ['baseline', 'agent']"),
    ("status.finishedAt", {"format": None}, "status.finishedAt: format is None"),
    ("status.recent", {"maxItems": 11}, "status.recent: maxItems is 11"),
    ("status.summary.outcomes.Aborted", {"minimum": 1}, "status.summary.outcomes.Aborted: minimum is 1"),
]


@pytest.mark.parametrize(("path", "change", "sentence"), CHANGES, ids=[f"{path} {set(c)}" for path, c, _ in CHANGES])
def test_any_difference_is_found_and_its_path_named(path: str, change: dict[str, Any], sentence: str) -> None:
    schema = schema_of(load_crd())
    node = _node(schema, path)
    node |= change
    for word in [word for word, value in change.items() if value is None]:
        del node[word]
    found = differences(crd_fields(schema), models())
    assert any(difference.startswith(sentence) for difference in found), found


def test_a_field_that_only_one_side_has_is_named() -> None:
    schema = schema_of(load_crd())
    spec = _node(schema, "spec")
    spec["properties"]["seeds"] = copy.deepcopy(spec["properties"].pop("seed"))
    assert differences(crd_fields(schema), models()) == [
        "spec.seed: in controller/api and not in the CRD",
        "spec.seeds: in the CRD and not in controller/api",
    ]


def test_a_change_in_the_models_alone_is_found_too() -> None:
    class Changed(api.CampaignSpec):
        trials: int = Field(8, ge=1, le=9999)
        deadlines: api.Deadlines = api.Deadlines(reset_seconds=60)
        brand: str = ""

    found = differences(crd_fields(schema_of(load_crd())), models(spec=Changed))
    assert [difference.partition(" in the CRD and ")[0] for difference in found] == [
        "spec.brand: in controller/api and not in the CRD",
        "spec.deadlines: default is " + str(dict(sorted(api.Deadlines().model_dump(by_alias=True).items()))),
        "spec.trials: maximum is 10000",
    ]


def test_a_constraint_that_cannot_be_compared_is_not_overlooked() -> None:
    schema = schema_of(load_crd())
    _node(schema, "spec.trials")["multipleOf"] = 2
    with pytest.raises(AssertionError, match=r"spec\.trials: \['multipleOf'\]"):
        crd_fields(schema)


def _node(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split("."):
        schema = schema["properties"][name]
    return schema
