"""How much may go wrong that is not the subject's doing before a campaign gives up."""

from __future__ import annotations

from controller.api import CampaignSpec, Outcome
from controller.records.rows import Tally


class BudgetSpent(Exception):
    """Too much went wrong that was not the subject's doing: a CamelCase reason and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def check_budgets(spec: CampaignSpec, tally: Tally) -> None:
    """Raises BudgetSpent when one is exceeded. Pure."""
    for outcome, budget, name in (
        (Outcome.INFRA_ERROR, spec.max_infra_errors, "InfraErrors"),
        (Outcome.INTERRUPTED, spec.max_interruptions, "Interruptions"),
    ):
        count = tally.outcomes.get(outcome, 0)
        if count > budget:
            last = next((f": {a.error}" for a in tally.recent if a.outcome is outcome), "")
            raise BudgetSpent(f"TooMany{name}", f"{count} attempts ended {outcome}, max{name} is {budget}{last}")
