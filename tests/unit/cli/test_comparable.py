"""`run` and `watch` propose `compare` for two campaigns only where the command would accept them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from controller.cli.cluster.campaigns import CampaignSnapshot, snapshot
from controller.cli.options import OutputFormat
from controller.cli.run import execution

AGENT = {"mode": "agent", "agent": {"source": "http"}}


def campaign(name: str, spec: dict[str, Any], chaos: str = "node_kill") -> CampaignSnapshot:
    """Returns a completed campaign whose spec has these fields."""
    whole = {"subject": {"type": "tikv", "namespace": "tikv"}, "chaos": {"type": chaos}, "trials": 3} | spec
    metadata = {"namespace": "default", "name": name, "uid": f"uid-{name}"}
    return snapshot({"metadata": metadata, "spec": whole, "status": {"phase": "Complete"}})


def proposed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *pair: CampaignSnapshot) -> bool:
    """Returns whether `compare` is proposed when these campaigns were followed to their end."""
    monkeypatch.setattr(execution, "CampaignWatch", lambda _: None)
    monkeypatch.setattr(execution, "follow", lambda watched, *_: [each for _, each in watched])
    campaigns: Any = SimpleNamespace(changes=lambda _: iter(()))
    execution.follow_until_end(campaigns, pair, None, OutputFormat.TABLE)
    return "evalcampaign compare default/first default/second" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (campaign("first", AGENT), campaign("second", {"mode": "baseline", "suspend": True, "seed": 7}), True),
        (campaign("first", AGENT), campaign("second", AGENT, chaos="node_down"), False),
        (campaign("first", AGENT), campaign("second", {**AGENT, "mode": "control"}), False),
        (campaign("first", AGENT | {"dryRun": True}), campaign("second", AGENT | {"dryRun": True}), False),
        (campaign("first", AGENT), campaign("second", {"chaos": "unreadable"}), False),
    ],
    ids=["the same but for who acts", "another fault", "a control", "dry runs", "a spec that cannot be read"],
)
def test_compare_is_proposed_only_for_two_campaigns_that_it_would_accept(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first: CampaignSnapshot,
    second: CampaignSnapshot,
    expected: bool,
) -> None:
    assert proposed(monkeypatch, capsys, first, second) is expected


def test_compare_is_not_proposed_for_one_campaign_with_itself() -> None:
    assert not execution.comparable(campaign("first", AGENT), campaign("first", AGENT))
