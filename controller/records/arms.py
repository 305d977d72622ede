"""Which campaigns can be compared, and which two of them are the arms of one experiment. Pure.

The arms are the campaigns of one namespace and one group. Of more than two, the oldest and the oldest with another arm
are the pair: a campaign that comes late, or as an arm that is there already, cannot break up two that take turns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controller.api import Reason
from controller.difference import changes
from controller.jsontypes import Json
from controller.records.rows import CampaignRow

NOT_COMPARED = frozenset({"mode", "variant", "agent", "name", "seed", "trials", "interleave"})
"""What may differ between two campaigns that are compared: who acts, how often we looked, and which arm it was.

So may the controls (`suspend` and its like), which may change while it runs: they are not even in the row.
"""

CONNECTION_FIELDS = frozenset({"endpoints", "tlsSecret"})
"""Of the subject, likewise: how it is reached. A system that moved to other URLs or got a new certificate is the same.

Namespace and selectors do count: they say which pods are broken and judged, and others are another system. So does
`probe`, which decides what counts as service.
"""

EARLIER_DEFAULTS = {
    "reset": "heal",
    "allowQuorumLoss": False,
    "cooldownSeconds": 0,
    "activeDeadlineSeconds": 0,
    "dryRun": False,
    "confirmSeconds": 30,
    "quietPeriod": {"minSeconds": 0, "maxSeconds": 0},
}
EARLIER_DEADLINE_DEFAULTS = {"attemptSeconds": 0}
EARLIER_SUBJECT_DEFAULTS = {"probe": "none", "selectors": {}}
"""Fields that came later, each with the value that says what was done before: a campaign that does the same as one
recorded back then has the same hash."""


def canonical_hash(value: Json) -> str:
    """SHA-256, in hex, of the value's canonical JSON: keys sorted, no blanks."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def comparison_hash(spec: Mapping[str, Json]) -> str:
    """The hash of what is compared of the spec."""
    return canonical_hash(comparable_spec(spec))


def comparable_spec(spec: Mapping[str, Json]) -> dict[str, Json]:
    """What must be equal for two campaigns to be compared: all of the spec, defaults filled in, but what may differ."""
    rest = _without(spec, NOT_COMPARED, EARLIER_DEFAULTS)
    subject = _without(spec["subject"], CONNECTION_FIELDS, EARLIER_SUBJECT_DEFAULTS)
    deadlines = _without(spec["deadlines"], (), EARLIER_DEADLINE_DEFAULTS)
    return rest | {"subject": subject, "deadlines": deadlines}


def _without(part: Mapping[str, Json], excluded: Collection[str], earlier: Mapping[str, Json]) -> dict[str, Json]:
    said = {name: value for name, value in part.items() if name not in excluded}
    return {name: value for name, value in said.items() if name not in earlier or value != earlier[name]}


@dataclass(frozen=True, slots=True)
class NoPartner:
    """Why a campaign has no partner though its group has other members, as a reason and a sentence."""

    reason: Reason
    message: str


def title(campaign: CampaignRow) -> str:
    """As people name the campaign: `namespace/name`."""
    return campaign.qualified_name


def group_of(campaign: CampaignRow) -> str:
    """The experiment that the campaign belongs to; empty where it takes no turns."""
    return str(campaign.spec.get("interleave", {}).get("group", ""))


def arm_of(campaign: CampaignRow) -> str:
    """Which arm of it the campaign is."""
    return str(campaign.spec.get("interleave", {}).get("arm", ""))


def partner_of(campaign: CampaignRow, members: Sequence[CampaignRow]) -> CampaignRow | NoPartner | None:
    """The other arm; None where there is none, or none yet. `members` are the group's, the campaign itself too."""
    if not group_of(campaign):
        return None
    first, *others = sorted(members, key=lambda row: (row.created_at, title(row), row.uid))
    second = next((row for row in others if arm_of(row) != arm_of(first)), None)
    pair = {row.uid: row for row in (first, second) if row is not None}
    if campaign.uid not in pair:
        return _late(campaign, list(pair.values()))
    partner = next((row for uid, row in pair.items() if uid != campaign.uid), None)
    if partner is not None and (fields := _differing(campaign, partner)):
        what = f"campaign {title(partner)} of the same group differs in {', '.join(fields)}"
        return NoPartner(Reason.PARTNER_DIFFERS, what)
    return partner


def _late(campaign: CampaignRow, pair: Sequence[CampaignRow]) -> NoPartner:
    for other in pair:
        if arm_of(other) == arm_of(campaign):
            what = f"arm {arm_of(other)} of group {group_of(campaign)} is campaign {title(other)}"
            return NoPartner(Reason.ARM_TAKEN, what)
    there = " and ".join(title(row) for row in pair)
    return NoPartner(Reason.GROUP_FULL, f"group {group_of(campaign)} has its two arms: campaigns {there}")


def _differing(first: CampaignRow, second: CampaignRow) -> list[str]:
    """The fields of the specs that differ and must not: with other trials there are no pairs."""
    return [change.path for change in changes(_shared(first), _shared(second))]


def _shared(campaign: CampaignRow) -> dict[str, Json]:
    return comparable_spec(campaign.spec) | {name: campaign.spec[name] for name in ("seed", "trials")}
