"""How a campaign ended, in lines and as an exit status. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controller.api import Phase
from controller.cli.cluster.campaigns import Seen
from controller.cli.live.story import found
from controller.cli.options import Exit


def conclude(campaign: Seen, fail_under: float | None) -> tuple[list[str], Exit]:
    """What to say at the end, and the exit status: a campaign that did not complete has failed, whatever it found."""
    status = campaign.status
    lines = [*_planned(campaign)] or found(status.rates)
    if status.phase is not Phase.COMPLETE:
        return lines, Exit.FAILED
    if fail_under is None:
        return lines, Exit.DONE
    said, enough = _gate(campaign, fail_under)
    return [*lines, said], Exit.DONE if enough else Exit.FAILED


def _gate(campaign: Seen, least: float) -> tuple[str, bool]:
    """Whether the recovery rate is at least so high. Of nothing scored it is not: no evidence is no success."""
    scored = campaign.status.summary.scored if campaign.status.summary else 0
    rate = campaign.status.rates.recovery_rate if campaign.status.rates else None
    if not scored or rate is None:
        return f"Under {least:g}: nothing was scored (n=0).", False
    recovered = round(float(rate) * scored)  # the status has four digits of it
    enough = recovered / scored >= least
    return f"Recovery rate {recovered / scored:.4g} (n={scored}), {'not ' if enough else ''}under {least:g}.", enough


def _planned(campaign: Seen) -> Iterator[str]:
    """What a dry run would do."""
    for plan in campaign.status.plans:
        facts = f" ({plan.facts})" if plan.facts else ""
        yield f"trial {plan.trial} would do {plan.chaos} to {plan.target}{facts}"
