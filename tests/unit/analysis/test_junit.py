from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controller.analysis.junit import to_junit
from controller.api import Outcome, Phase
from controller.records import Records, queries
from controller.records.database import reading
from controller.records.rows import AttemptSummary, CampaignRow
from tests.unit.records.samples import fill


@pytest.fixture
async def recorded(tmp_path: Path) -> tuple[CampaignRow, list[AttemptSummary]]:
    """`demo`: trial 1 heals, 2 needs a second attempt, 3 does not heal."""
    url = f"sqlite:///{tmp_path}/records.db"
    records = await Records.open(url)
    await fill(records)
    await records.close()
    with reading(url) as connection:
        return queries.find_campaign(connection, "demo").campaign, queries.list_attempts(connection, "uid-1")


def parsed(campaign: CampaignRow, attempts: list[AttemptSummary]) -> ElementTree.Element:
    return ElementTree.fromstring(to_junit(campaign, attempts))


def kinds(root: ElementTree.Element) -> list[str]:
    """What each case holds beside its output."""
    return [
        next((child.tag for child in case if child.tag != "system-out"), "passed") for case in root.iter("testcase")
    ]


def test_a_trial_is_a_test_whose_last_attempt_counts(recorded: tuple[CampaignRow, list[AttemptSummary]]) -> None:
    root = parsed(*recorded)
    assert kinds(root) == ["passed", "passed", "failure"]
    assert root.find("testsuite").attrib | {"time": ""} == {
        "name": "default/demo",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "",
        "timestamp": "2025-03-04T05:06:08",
    }
    second = list(root.iter("testcase"))[1]
    assert (second.get("classname"), second.get("name")) == ("default.demo", "trial 2")
    assert "attempt 1, seed 102: Interrupted" in second.findtext("system-out")
    assert "recovered after 5.0 s" in second.findtext("system-out")


def test_trials_that_were_never_run_are_skipped_and_not_passed(
    recorded: tuple[CampaignRow, list[AttemptSummary]],
) -> None:
    campaign, attempts = recorded
    failed = replace(campaign, phase=Phase.FAILED, reason="TooManyInfraErrors", spec={**campaign.spec, "trials": 5})
    root = parsed(failed, attempts)
    assert kinds(root) == ["passed", "passed", "failure", "skipped", "skipped"]
    assert root.get("skipped") == "2"
    assert root.find(".//skipped").get("message") == ("not run: the campaign is Failed (TooManyInfraErrors)")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_one_kind(recorded: tuple[CampaignRow, list[AttemptSummary]], outcome: Outcome) -> None:
    campaign, attempts = recorded
    root = parsed(campaign, [replace(attempts[0], outcome=outcome), *attempts[1:]])
    hoped = {Outcome.RESOLVED, Outcome.SELF_HEALED, Outcome.QUIET}
    expected = "passed" if outcome in hoped else "failure" if outcome.scored else "skipped"
    assert kinds(root)[0] == ("error" if outcome is Outcome.INFRA_ERROR else expected)


def test_what_others_wrote_stays_text_and_the_document_stays_xml(
    recorded: tuple[CampaignRow, list[AttemptSummary]],
) -> None:
    campaign, attempts = recorded
    hostile = 'a "quoted" <failure> & ]]> \x00\x1b[31m \ud800 end'
    root = parsed(campaign, [replace(attempts[0], outcome=Outcome.NOT_HEALED, error=hostile), *attempts[1:]])
    said = root.findtext(".//failure")
    assert said.startswith('a "quoted" <failure> & ]]> ') and said.endswith(" end")
    assert not any(bad in said for bad in "\x00\x1b\ud800")
