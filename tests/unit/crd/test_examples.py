"""The campaigns in examples/ are ones that the controller would run. tests/apiserver applies them for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller import api
from subjects.protocol import SubjectContext
from subjects.registry import installed

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def test_the_two_examples_of_the_first_steps_are_there() -> None:
    assert {path.stem for path in EXAMPLES} >= {"etcd-node-kill", "etcd-node-down"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_named_like_its_file_and_goes_to_the_namespace_of_whoever_applies_it(path: Path) -> None:
    example = load(path)
    assert (example["apiVersion"], example["kind"]) == (f"{api.GROUP}/{api.VERSION}", api.KIND)
    assert example["metadata"] == {"name": path.stem}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_for_nothing_that_the_models_do_not_know(path: Path) -> None:
    asked = load(path)["spec"]
    read = api.CampaignSpec.model_validate(asked).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == asked


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asks_for_chaos_that_its_subject_offers(path: Path) -> None:
    spec = api.CampaignSpec.model_validate(load(path)["spec"])
    context = SubjectContext(cluster=None, namespace=spec.subject.namespace, now=None)
    offered = installed().subjects[spec.subject.type](context).get_chaos_types()
    assert spec.chaos.type in offered
    offered[spec.chaos.type].params.model_validate(spec.chaos.params)
