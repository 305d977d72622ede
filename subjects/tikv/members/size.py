"""How large a TiKV may be for its health to be watched.

PD's list of regions is read whole, twice a second. Of an answer no more is read than 8 MiB and half a million values,
for what a member sends must cost the controller little, whatever it is. A region of three replicas is 58 values
(counted in a real PD's answer), and 7 more for each further replica: some 8,600 regions fit, or 7,700 with one more
each on TiFlash.
"""

from __future__ import annotations

from contextlib import suppress

from subjects.protocol import SubjectNotReady
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.pd import Pd, PdRefused, PdUnavailable
from subjects.tikv.members.queries import REGION_COUNT
from subjects.tikv.members.schemas import RegionCount

SURE = 5_000
"""Up to so many regions fit, whatever they have. Where there are more, the list is read to see whether it can be."""

TIMEOUT_SECONDS = 1.0
"""For each member of PD to count them. One that does not answer is for the oracle to judge."""


async def require_readable_regions(endpoints: Endpoints) -> None:
    """Return where PD's list of regions can be read, or PD does not count them.

    SubjectNotReady, with their number, where it cannot.
    """
    count = 0
    with suppress(PdUnavailable, PdRefused):
        count = (await Pd(endpoints, TIMEOUT_SECONDS).get(REGION_COUNT.path, RegionCount)).count
    if count <= SURE:
        return
    try:
        await Pd(endpoints).regions()
    except (PdUnavailable, PdRefused) as unread:
        raise SubjectNotReady(
            f"PD counts {count} regions, and their list cannot be read ({unread}); "
            "about 8,600 can be, of three replicas each"
        ) from unread
