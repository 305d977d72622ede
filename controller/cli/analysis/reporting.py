"""`report`: what the page needs, gathered from the records, and the file, written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations, islice
from pathlib import Path

from controller.analysis.comparison import Arm, Comparison, compare_all
from controller.analysis.errors import CampaignMissing
from controller.analysis.summary import analyze
from controller.cli.analysis.arms import ArmRecords
from controller.cli.results.timeline import summarize
from controller.files import write_text
from controller.reading.protocol import AttemptTimeline
from controller.records.rows import CampaignRow
from controller.report.attempts import AttemptSection, attempt_section
from controller.report.page import CampaignSection, render, versions

MOST_ATTEMPTS = 200
"""Of a campaign. The numbers have all trials; a page with thousands of them is read by nobody."""


def write(records: ArmRecords, campaigns: Sequence[str], destination: Path, force: bool, made_by: str) -> None:
    """Put the report of these campaigns there, in place of what was there. NotThere where nothing can be written."""
    arms = [records.arm(each) for each in campaigns]
    sections = [_campaign_section(records, arm) for arm in arms]
    page = render(sections, compared(arms, force), datetime.now(UTC), made_by)
    try:
        write_text(destination, page)
    except OSError as error:
        raise CampaignMissing(f"The report cannot be written to {destination}: {error.strerror}") from error


def compared(arms: Sequence[Arm], force: bool) -> list[Comparison]:
    """Each with each, but for controls, in which nothing was broken."""
    return compare_all(combinations([arm for arm in arms if arm.campaign.mode.injects], 2), force)


def _campaign_section(records: ArmRecords, arm: Arm) -> CampaignSection:
    shown = records.attempts(arm.campaign)
    first = list(islice(shown, MOST_ATTEMPTS))
    ran = {text for each in first for text in versions(each.attempt.initial_state)}
    attempts = tuple(_section(arm.campaign, each) for each in first)
    return CampaignSection(
        arm.name, analyze(arm.campaign, arm.trials), attempts, sum(1 for _ in shown), tuple(sorted(ran))
    )


def _section(campaign: CampaignRow, timeline: AttemptTimeline) -> AttemptSection:
    return attempt_section(timeline.attempt, summarize(campaign, timeline.attempt, timeline.events))
