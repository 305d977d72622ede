"""What makes two campaigns comparable: the hash of all that must be equal. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping

from controller.records.rows import Json

NOT_COMPARED = frozenset({"mode", "variant", "agent", "name", "seed", "trials", "interleave"})
"""What may differ between two campaigns that are compared: who acts, how often we looked, and which arm it was.

So may the controls (`suspend` and its like), which may change while it runs: they are not even in the row.
"""

WAY_IN = frozenset({"endpoints", "tlsSecret"})
"""Of the subject, likewise: how it is reached. A system that moved to other URLs or got a new certificate is the same.

Namespace and selectors do count: they say which pods are broken and judged, and others are another system. So does
`probe`, which decides what counts as service.
"""

AS_BEFORE = {
    "reset": "heal",
    "allowQuorumLoss": False,
    "cooldownSeconds": 0,
    "activeDeadlineSeconds": 0,
    "dryRun": False,
    "confirmSeconds": 30,
    "quietPeriod": {"minSeconds": 0, "maxSeconds": 0},
}
DEADLINES_AS_BEFORE = {"attemptSeconds": 0}
SUBJECT_AS_BEFORE = {"probe": "none", "selectors": {}}
"""Fields that came later, each with the value that says what was done before: a campaign that does the same as one
recorded back then has the same hash."""


def canonical_hash(value: Json) -> str:
    """SHA-256, in hex, of the value's canonical JSON: keys sorted, no blanks."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def comparison_hash(spec: Mapping[str, Json]) -> str:
    """The hash of what is compared of the spec."""
    return canonical_hash(compared(spec))


def compared(spec: Mapping[str, Json]) -> dict[str, Json]:
    """What must be equal for two campaigns to be compared: all of the spec, defaults filled in, but what may differ."""
    rest = _without(spec, NOT_COMPARED, AS_BEFORE)
    subject = _without(spec["subject"], WAY_IN, SUBJECT_AS_BEFORE)
    deadlines = _without(spec["deadlines"], (), DEADLINES_AS_BEFORE)
    return rest | {"subject": subject, "deadlines": deadlines}


def _without(part: Mapping[str, Json], left_out: Collection[str], as_before: Mapping[str, Json]) -> dict[str, Json]:
    said = {name: value for name, value in part.items() if name not in left_out}
    return {name: value for name, value in said.items() if name not in as_before or value != as_before[name]}
