"""Whether two campaigns may be compared: they must have asked the same, but for who acts and how often."""

from __future__ import annotations

from controller.analysis.errors import NotComparable
from controller.difference import changes
from controller.records.arms import comparable_spec
from controller.records.rows import CampaignRow


def differing(first: CampaignRow, second: CampaignRow) -> list[str]:
    """The fields of the specs that differ and must not, such as `chaos.params.count`; none where the hashes agree.

    A hash may differ where no field of the spec does, when another version of the controller wrote it: that is said as
    a field, too.
    """
    if first.comparison_hash == second.comparison_hash:
        return []
    fields = [change.path for change in changes(comparable_spec(first.spec), comparable_spec(second.spec))]
    return fields or ["comparison hash (recorded by different versions)"]


def require_comparable(first: CampaignRow, second: CampaignRow, force: bool) -> list[str]:
    """What is to be said with a forced comparison, which is nothing where it needed no force. NotComparable else."""
    if first.uid == second.uid:
        raise NotComparable(f"{first.qualified_name} would be compared with itself")
    for campaign in (first, second):
        if not campaign.mode.injects:
            raise NotComparable(
                f"{campaign.qualified_name} is a control: nothing was broken, so there is no recovery to "
                "compare. `analyze` shows its false alarms"
            )
    fields = differing(first, second)
    if fields and not force:
        raise NotComparable(
            f"{first.qualified_name} and {second.qualified_name} did not ask the same. They differ in "
            f"{', '.join(fields)}. --force compares them all the same, and says so"
        )
    return [f"Forced: the two did not ask the same; they differ in {', '.join(fields)}."] if fields else []
