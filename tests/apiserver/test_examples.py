"""What a newcomer does first: apply the CRD, then an example, without a word about namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cluster.apiserver.kubectl import Kubectl

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def test_the_crd_is_accepted_and_established(kubectl: Kubectl, crd: None) -> None:
    stored = kubectl.json("get", "crd", "evalcampaigns.evalcampaign.dev")
    conditions = {condition["type"]: condition["status"] for condition in stored["status"]["conditions"]}
    assert conditions["Established"] == "True"
    # This one would name the words of the schema that the API server does not understand.
    assert "NonStructuralSchema" not in conditions


def test_applying_the_crd_twice_changes_nothing(kubectl: Kubectl, crd: None) -> None:
    before = kubectl.json("get", "crd", "evalcampaigns.evalcampaign.dev")["metadata"]["generation"]
    kubectl("apply", "-f", Path(__file__).parents[2] / "crds")
    assert kubectl.json("get", "crd", "evalcampaigns.evalcampaign.dev")["metadata"]["generation"] == before


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_goes_into_the_default_namespace_without_a_warning(
    kubectl: Kubectl, crd: None, example: Path
) -> None:
    answer = kubectl.run("apply", "-f", example)
    assert (answer.code, answer.err) == (0, "")
    try:
        asked = yaml.safe_load(example.read_text())["spec"]
        assert kubectl.json("get", "ec", example.stem, "-n", "default")["spec"]["mode"] == asked["mode"]
        assert "unchanged" in kubectl("apply", "-f", example)
    finally:
        kubectl("delete", "-f", example)
