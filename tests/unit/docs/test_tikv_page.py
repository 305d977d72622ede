"""The page about TiKV: what it tells to apply can be applied, and is no more than what is shipped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.deployment.subjects.tikv import regions
from controller.api import CampaignSpec
from subjects.protocol import SubjectOptions
from subjects.tikv.members.options import check

REPO = Path(__file__).parents[3]
PAGE = (REPO / "docs" / "subjects" / "tikv.md").read_text()
BY_HAND = (PAGE, (REPO / "docs" / "running.md").read_text(), regions.FILE.with_name("kustomization.yaml").read_text())

[_SHOWN] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHOWN = {each["kind"]: each for each in yaml.safe_load_all(_SHOWN)}
ROLE, *_ = yaml.safe_load_all((REPO / "manifests/subjects/tikv-permissions/role.yaml").read_text())


def permissions(role: dict[str, Any]) -> set[tuple[str, str]]:
    return {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("text", BY_HAND, ids=["its page", "running.md", "kustomization.yaml"])
def test_the_split_by_hand_is_the_one_that_make_asks_for(text: str) -> None:
    assert f"--raw {regions.REGIONS}/split" in re.sub(r"\s*\\?\n[#\s]*", " ", text)
    assert f"-f {regions.FILE.relative_to(REPO)}" in text


def test_the_powers_over_a_tikv_of_ones_own_are_the_shipped_ones_without_deleting_data_and_with_one_secret() -> None:
    assert permissions(SHOWN["Role"]) - permissions(ROLE) == {("secrets", "get")}
    assert permissions(ROLE) - permissions(SHOWN["Role"]) == {
        ("statefulsets/scale", "patch"),
        ("persistentvolumeclaims", "list"),
        ("persistentvolumeclaims", "delete"),
    }
    assert SHOWN["RoleBinding"]["roleRef"]["name"] == SHOWN["Role"]["metadata"]["name"]


def test_the_campaign_it_shows_is_one_that_tikv_accepts_and_those_powers_suffice_for() -> None:
    spec = CampaignSpec.model_validate(SHOWN["EvalCampaign"]["spec"]).subject
    options = SubjectOptions(spec.probe, spec.selectors, tuple(spec.endpoints), spec.tls_secret)
    assert not check(options).writes
    named = {name for rule in SHOWN["Role"]["rules"] for name in rule.get("resourceNames", [])}
    assert named == {spec.namespace, spec.tls_secret}
    assert {each["metadata"]["namespace"] for each in SHOWN.values() if each["kind"] != "EvalCampaign"} == {
        spec.namespace
    }
