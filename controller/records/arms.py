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
"""The fields that may differ between two compared campaigns: who acts, how many trials there are, and which arm it is.

The controls (`suspend` and the like) may differ too; they may change while it runs and are not in the row.
"""

CONNECTION_FIELDS = frozenset({"endpoints", "tlsSecret"})
"""The fields of the subject that may differ: how it is reached. With other URLs or a new certificate it is the same.

Namespace and selectors count: they say which pods are broken and assessed. So does `probe`, which decides what counts
as service.
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
    """Returns the hash of `comparable_spec`."""
    return canonical_hash(comparable_spec(spec))


def comparable_spec(spec: Mapping[str, Json]) -> dict[str, Json]:
    """Returns what two campaigns that are compared must have in common: the spec without the fields that may differ."""
    rest = _without(spec, NOT_COMPARED, EARLIER_DEFAULTS)
    subject = _without(spec["subject"], CONNECTION_FIELDS, EARLIER_SUBJECT_DEFAULTS)
    deadlines = _without(spec["deadlines"], (), EARLIER_DEADLINE_DEFAULTS)
    return rest | {"subject": subject, "deadlines": deadlines}


def _without(part: Mapping[str, Json], excluded: Collection[str], earlier: Mapping[str, Json]) -> dict[str, Json]:
    fields = {name: value for name, value in part.items() if name not in excluded}
    return {name: value for name, value in fields.items() if name not in earlier or value != earlier[name]}


@dataclass(frozen=True, slots=True)
class NoPartner:
    """Why a campaign has no partner though its group has other members, as a reason and a sentence."""

    reason: Reason
    message: str


def group_of(campaign: CampaignRow) -> str:
    """Returns the campaign's group; empty where it takes no turns."""
    return str(campaign.spec.get("interleave", {}).get("group", ""))


def arm_of(campaign: CampaignRow) -> str:
    """Returns the name of the campaign's arm; empty where it takes no turns."""
    return str(campaign.spec.get("interleave", {}).get("arm", ""))


def partner_of(campaign: CampaignRow, members: Sequence[CampaignRow]) -> CampaignRow | NoPartner | None:
    """Returns the other arm, or why there is none; None where it takes no turns or its partner is not there yet.

    `members` are the campaigns of the group, the campaign itself among them.
    """
    if not group_of(campaign):
        return None
    first, *others = sorted(members, key=lambda row: (row.created_at, row.qualified_name, row.uid))
    second = next((row for row in others if arm_of(row) != arm_of(first)), None)
    pair = {row.uid: row for row in (first, second) if row is not None}
    if campaign.uid not in pair:
        return _late(campaign, list(pair.values()))
    partner = next((row for uid, row in pair.items() if uid != campaign.uid), None)
    if partner is not None and (fields := _differing(campaign, partner)):
        what = f"campaign {partner.qualified_name} of the same group differs in {', '.join(fields)}"
        return NoPartner(Reason.PARTNER_DIFFERS, what)
    return partner


def _late(campaign: CampaignRow, pair: Sequence[CampaignRow]) -> NoPartner:
    for other in pair:
        if arm_of(other) == arm_of(campaign):
            what = f"arm {arm_of(other)} of group {group_of(campaign)} is campaign {other.qualified_name}"
            return NoPartner(Reason.ARM_TAKEN, what)
    there = " and ".join(row.qualified_name for row in pair)
    return NoPartner(Reason.GROUP_FULL, f"group {group_of(campaign)} has its two arms: campaigns {there}")


def _differing(first: CampaignRow, second: CampaignRow) -> list[str]:
    """Returns the paths of the fields that differ and must not; two arms need the same trials and seed for pairs."""
    return [change.path for change in changes(_shared(first), _shared(second))]


def _shared(campaign: CampaignRow) -> dict[str, Json]:
    return comparable_spec(campaign.spec) | {name: campaign.spec[name] for name in ("seed", "trials")}
