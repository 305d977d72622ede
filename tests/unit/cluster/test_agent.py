"""The scripted agent as it is put into the cluster."""

import re
from pathlib import Path

import pytest
import yaml

from cluster.deployment import agent
from cluster.deployment.derived import Derived
from cluster.errors import SetupError
from cluster.settings import REPO
from examples.agent.agent.policies import POLICIES


def test_the_policy_and_the_images_are_laid_over_what_the_manifests_say() -> None:
    changes = agent.patched("liar", "local/scripted-agent:aaaa", "local/forward:bbbb")
    assert changes["images"] == [
        {"name": "local/scripted-agent", "newName": "local/scripted-agent", "newTag": "aaaa"},
        {"name": "local/forward", "newName": "local/forward", "newTag": "bbbb"},
    ]
    [patch] = changes["patches"]
    [operation] = yaml.safe_load(patch["patch"])
    assert operation["value"] == "liar"
    # The patch goes by position: what stands there is what it means.
    *_, place, index, field = operation["path"].split("/")
    deployment = yaml.safe_load((agent.MANIFESTS / "base" / "deployment.yaml").read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert (container[place][int(index)]["name"], field) == ("AGENT_POLICY", "value")


@pytest.mark.parametrize("wish", [("hero", "tikv"), ("fixer", "moon")])
def test_a_policy_or_a_system_that_there_is_not_is_refused_with_those_there_are(wish: tuple[str, str]) -> None:
    with pytest.raises(SetupError, match=r"wrecker; of: tikv, etcd, operator-db"):
        agent.deploy(*wish)


def test_every_kind_has_its_manifests() -> None:
    assert {path.name for path in agent.MANIFESTS.iterdir()} == {"base", *agent.KINDS}


def test_the_command_and_the_page_about_attaching_name_every_policy() -> None:
    command = (REPO / "cluster" / "__main__.py").read_text()
    page = (REPO / "docs" / "agents" / "attaching.md").read_text()
    assert [policy for policy in POLICIES if policy not in command or f"`{policy}`" not in page] == []


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
