"""The demo: it runs the commands that it prints, and creates and deletes through the command line's client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any, cast

import pytest

from cluster.demonstration import campaigns as demo_campaigns
from cluster.demonstration import demo
from cluster.demonstration.campaigns import Example, read_examples
from cluster.errors import SetupError
from cluster.settings import CONTEXT, REPO
from controller.api import CampaignSpec, CampaignStatus, Mode, Phase
from controller.cli.cluster.campaigns import Campaigns, CampaignSnapshot
from controller.cli.cluster.errors import Refused

NAMES = ["kills", "downs"]


def snapshot(name: str, phase: Phase = Phase.COMPLETE, uid: str = "") -> CampaignSnapshot:
    return CampaignSnapshot("default", name, uid or f"uid-{name}", 3, Mode.BASELINE, CampaignStatus(phase=phase))


class FakeCampaigns:
    """Keeps what was deleted for so many further lists."""

    def __init__(self, there: Sequence[CampaignSnapshot], lists: int = 1) -> None:
        self.there = list(there)
        self.deleted: list[str] = []
        self._lists = lists

    def list(self) -> list[CampaignSnapshot]:
        self._lists -= bool(self.deleted)
        return [each for each in self.there if each.uid not in self.deleted or self._lists > 0]

    def delete(self, campaign: CampaignSnapshot) -> None:
        self.deleted.append(campaign.uid)

    def create(self, name: str, spec: Any) -> CampaignSnapshot:
        raise Refused(422, f"{name} is invalid")


def fake(there: Sequence[CampaignSnapshot], lists: int = 1) -> tuple[FakeCampaigns, Campaigns]:
    made = FakeCampaigns(there, lists)
    return made, cast(Campaigns, made)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_campaigns, "POLL_SECONDS", 0.0)


@pytest.mark.parametrize("subject", sorted(demo.EXAMPLES))
def test_every_example_is_a_campaign_with_the_name_of_its_file(subject: str) -> None:
    examples = read_examples(REPO, demo.EXAMPLES[subject])
    assert [f"examples/{each.name}.yaml" for each in examples] == list(demo.EXAMPLES[subject])
    assert all(CampaignSpec.model_validate(each.spec).chaos.type for each in examples)


def test_only_campaigns_of_the_demos_names_are_deleted_and_their_end_is_waited_for() -> None:
    made, campaigns = fake([snapshot("kills"), snapshot("another")], lists=3)
    there = demo_campaigns.find(campaigns, NAMES)
    demo_campaigns.delete(campaigns, there)
    assert made.deleted == ["uid-kills"]
    assert [each.name for each in made.list()] == ["another"]


def test_a_campaign_that_stays_is_an_error_with_its_name() -> None:
    _, campaigns = fake([snapshot("kills")], lists=10**9)
    with pytest.raises(SetupError, match="kills is still there 0 s after it was deleted"):
        demo_campaigns.delete(campaigns, [snapshot("kills")], limit_seconds=0.0)


def test_a_campaign_that_is_refused_is_an_error_with_its_file() -> None:
    with pytest.raises(SetupError, match="yaml was not created: kills is invalid"):
        demo_campaigns.create(fake([])[1], Example("kills.yaml", "kills", {}))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run; none of them is."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 130 if "interrupted" in command else 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_campaigns_are_followed_by_the_command_that_is_printed(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    demo._watch(NAMES)
    (command,) = commands
    assert command[:6] == [sys.executable, "-m", "controller.cli", "watch", "kills", "downs"]
    assert command[-2:] == ["--context", CONTEXT]
    assert f"watch kills downs -n default --stall-seconds 300 --context {CONTEXT}" in capsys.readouterr().err


def test_ctrl_c_ends_the_demo_and_says_how_to_delete_the_campaigns(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        demo._watch(["interrupted"])
    assert ended.value.code == 130
    assert "delete evalcampaigns interrupted" in capsys.readouterr().err


def test_a_campaign_that_did_not_complete_or_is_gone_fails_the_demo() -> None:
    demo._require_complete([snapshot("kills"), snapshot("downs")], NAMES)
    with pytest.raises(SetupError, match="kills is Failed and downs is gone"):
        demo._require_complete([snapshot("kills", Phase.FAILED)], NAMES)


def test_a_command_of_the_demo_asks_the_controller_whichever_database_the_shell_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALCAMPAIGN_DB", "sqlite:///mine.db")
    assert "EVALCAMPAIGN_DB" not in demo._environment()
