"""Writes a campaign as JUnit XML, which CI systems can show: each trial is a test.

A trial passes if it ended as wanted in its mode: the subject recovered, the agent resolved the fault, no alarm was
raised. An unscored trial (not manifested, interrupted, aborted, not run) is skipped, so a campaign that ended after two
of its five trials does not look like two of two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from itertools import groupby
from xml.etree import ElementTree

from controller.analysis.moments import DURATIONS
from controller.api import Outcome
from controller.records.rows import AttemptSummary, CampaignRow

PASSED = frozenset({Outcome.RESOLVED, Outcome.SELF_HEALED, Outcome.QUIET})
ERROR = frozenset({Outcome.INFRA_ERROR})

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot represent (section 2.2). The output of agents and failed commands may hold some."""


def to_junit(campaign: CampaignRow, attempts: Sequence[AttemptSummary]) -> str:
    """Returns the document: one suite with a case for each planned trial, which has its last attempt's outcome."""
    by_trial = {
        trial: sorted(group, key=lambda row: row.attempt)
        for trial, group in groupby(sorted(attempts, key=lambda row: row.trial), key=lambda row: row.trial)
    }
    name = campaign.qualified_name
    suite = ElementTree.Element("testsuite", {"name": _text(name)})
    properties = ElementTree.SubElement(suite, "properties")
    for key in ("uid", "subject", "chaos", "mode", "variant", "phase", "comparison_hash"):
        value = _text(getattr(campaign, key) or "")
        ElementTree.SubElement(properties, "property", {"name": key, "value": value})
    kinds = [_case(suite, campaign, trial, by_trial.get(trial, [])) for trial in range(1, campaign.planned + 1)]
    suite.attrib |= {
        "tests": str(len(kinds)),
        **{
            f"{kind}s" if kind != "skipped" else kind: str(kinds.count(kind))
            for kind in ("failure", "error", "skipped")
        },
        "time": f"{sum(_seconds(attempt) for attempt in attempts):.3f}",
    }
    if campaign.started_at is not None:
        suite.set("timestamp", campaign.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    root = ElementTree.Element(
        "testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    )
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, campaign: CampaignRow, trial: int, attempts: Sequence[AttemptSummary]) -> str:
    """Adds the trial's case, and returns how it counts: `passed`, `failure`, `error` or `skipped`."""
    last = attempts[-1] if attempts else None
    seconds = sum(_seconds(attempt) for attempt in attempts)
    names = {"classname": _text(f"{campaign.namespace}.{campaign.name}"), "name": f"trial {trial}"}
    case = ElementTree.SubElement(suite, "testcase", {**names, "time": f"{seconds:.3f}"})
    kind, message = _kind(campaign, last)
    if kind != "passed":
        ElementTree.SubElement(case, kind, {"message": _text(message)}).text = _text((last and last.error) or "")
    if attempts:
        ElementTree.SubElement(case, "system-out").text = _text("\n".join(_describe(attempt) for attempt in attempts))
    return kind


def _kind(campaign: CampaignRow, last: AttemptSummary | None) -> tuple[str, str]:
    if last is None:
        return (
            "skipped",
            f"not run: the campaign is {campaign.phase}{f' ({campaign.reason})' if campaign.reason else ''}",
        )
    if last.outcome is None:
        return "skipped", f"not ended: {last.step}"
    if last.outcome in PASSED:
        return "passed", ""
    if last.outcome in ERROR:
        return "error", last.outcome
    return ("failure" if last.outcome.scored else "skipped"), last.outcome


def _describe(attempt: AttemptSummary) -> str:
    durations = ((moment.happened, getattr(attempt, moment.duration)) for moment in DURATIONS)
    parts = [f"attempt {attempt.attempt}, seed {attempt.seed}: {attempt.outcome or attempt.step}"]
    parts += [f"target {attempt.target}"] if attempt.target else []
    parts += [f"{what} after {seconds:.1f} s" for what, seconds in durations if seconds is not None]
    parts += [", ".join(attempt.flags)] if attempt.flags else []
    return "; ".join(parts)


def _seconds(attempt: AttemptSummary) -> float:
    return (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else 0.0


def _text(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
