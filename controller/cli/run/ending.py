"""How a campaign ended, in lines and as an exit status. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controller.analysis.gate import gate
from controller.analysis.rates import Rate, rate
from controller.api import CampaignStatus, Mode, Outcome, Phase, Summary
from controller.cli.cluster.campaigns import Seen
from controller.cli.live.story import found
from controller.cli.options import Exit


def conclude(campaign: Seen, fail_under: float | None) -> tuple[list[str], Exit]:
    """What to say at the end, and the exit status: a campaign that did not complete has failed, whatever it found.

    `fail_under` takes the packages of the extra `evidence`: see `gate.ready`.
    """
    status = campaign.status
    lines = [*_planned(campaign)] or found(status.rates)
    if status.phase is not Phase.COMPLETE:
        return lines, Exit.FAILED
    if fail_under is None:
        return lines, Exit.DONE
    result = gate(*_rate(campaign), fail_under)
    return [*lines, result.sentence], Exit.DONE if result.passed else Exit.UNDER


def _rate(campaign: Seen) -> tuple[str, Rate]:
    """Returns the rate that the gate compares for a campaign of this mode, and its name, from the status."""
    summary = campaign.status.summary or Summary(planned=campaign.trials, done=0, progress="")
    if campaign.mode is Mode.CONTROL:
        return "quiet", rate(summary.outcomes.get(Outcome.QUIET, 0), summary.scored)
    return "recovery", rate(_recovered(campaign.status, summary), summary.scored)


def _recovered(status: CampaignStatus, summary: Summary) -> int:
    """Returns how many scored attempts recovered. An older controller says it in a text alone: `2/3 (67%)`."""
    if summary.recovered is not None or status.rates is None or status.rates.recovered is None:
        return summary.recovered or 0
    return int(status.rates.recovered.partition("/")[0])


def _planned(campaign: Seen) -> Iterator[str]:
    """What a dry run would do."""
    for plan in campaign.status.plans:
        facts = f" ({plan.facts})" if plan.facts else ""
        yield f"trial {plan.trial} would do {plan.chaos} to {plan.target}{facts}"
