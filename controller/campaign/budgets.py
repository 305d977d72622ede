"""How much may go wrong that is not the subject's doing before a campaign gives up."""

from __future__ import annotations

from controller.api import CampaignSpec, Outcome, Reason
from controller.records.rows import Tally


class BudgetSpent(Exception):
    """Too much went wrong that was not the subject's doing: a reason and a sentence."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def check_budgets(spec: CampaignSpec, tally: Tally) -> None:
    """Raises BudgetSpent when one is exceeded. Pure."""
    for outcome, budget, reason in (
        (Outcome.INFRA_ERROR, spec.max_infra_errors, Reason.TOO_MANY_INFRA_ERRORS),
        (Outcome.INTERRUPTED, spec.max_interruptions, Reason.TOO_MANY_INTERRUPTIONS),
    ):
        count = tally.outcomes.get(outcome, 0)
        if count > budget:
            last = next((f": {a.error}" for a in tally.recent if a.outcome is outcome), "")
            name = reason.removeprefix("TooMany")
            raise BudgetSpent(reason, f"{count} attempts ended {outcome}, max{name} is {budget}{last}")
