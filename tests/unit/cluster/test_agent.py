"""The scripted agent as it is put into the cluster."""

import re
from pathlib import Path

import pytest
import yaml

from cluster.deployment import agent
from cluster.deployment.derived import Derived
from cluster.errors import ClusterError
from cluster.settings import REPO
from examples.agent.agent.policies import POLICIES


def test_the_policy_the_subject_and_the_image_are_laid_over_what_the_manifests_say() -> None:
    changes = agent.changed("liar", "etcd", "evalcampaign/scripted-agent:aaaa")
    assert changes["images"] == [
        {"name": "evalcampaign/scripted-agent", "newName": "evalcampaign/scripted-agent", "newTag": "aaaa"}
    ]
    [generated] = changes["configMapGenerator"]
    assert generated["behavior"] == "merge"
    assert generated["literals"] == ["AGENT_POLICY=liar", "AGENT_SUBJECT=etcd", "AGENT_NAMESPACE=etcd"]
    base = yaml.safe_load((agent.MANIFESTS / "agent" / "kustomization.yaml").read_text())
    [merged_into] = base["configMapGenerator"]
    assert (generated["name"], generated["namespace"]) == (merged_into["name"], base["namespace"])


@pytest.mark.parametrize("wish", [("hero", "tikv"), ("fixer", "moon")])
def test_a_policy_or_a_subject_that_there_is_not_is_refused_with_those_there_are(wish: tuple[str, str]) -> None:
    with pytest.raises(ClusterError, match=r"wrecker|etcd"):
        agent.changed(*wish, "image:tag")


def test_every_folder_of_manifests_that_is_applied_is_removed_too() -> None:
    there = {path.name for path in agent.MANIFESTS.iterdir()}
    assert {*agent.FOLDERS, "agent-with-file"} == there


def test_make_and_the_command_name_every_policy() -> None:
    [told] = re.findall(r"\ndeploy-agent:.*## (.*)", (REPO / "Makefile").read_text())
    command = (REPO / "cluster" / "__main__.py").read_text()
    assert [policy for policy in POLICIES if policy not in told or policy not in command] == []


def test_an_image_is_another_one_when_what_it_is_made_of_changes_and_only_then(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "README.md").write_text("about it")
    image = Derived("example/it", tmp_path, ("Dockerfile",))
    before = image.tagged
    (tmp_path / "README.md").write_text("more about it")
    assert image.tagged == before
    (tmp_path / "Dockerfile").write_text("FROM something")
    assert image.tagged != before
    assert before.startswith("example/it:")


def test_all_that_the_agents_image_copies_counts() -> None:
    copied = set(re.findall(r"^COPY (\S+)", (agent.FOLDER / "Dockerfile").read_text(), re.MULTILINE))
    assert copied and copied < set(agent.IMAGE.parts)
