"""What PD's members and TiKV's stores are queried for over HTTP.

PD answers some paths itself and forwards all others to its leader; while there is none, a member keeps such a request
for three seconds before it gives up. So whether a member is alive and whether PD has a leader are two queries.
"""

from __future__ import annotations

from dataclasses import dataclass

PD = "pd"
TIKV = "tikv"
ROLES = (PD, TIKV)

PD_PORT = 2379
STATUS_PORT = 20180


@dataclass(frozen=True, slots=True)
class TikvQuery:
    """A GET on the HTTP port of a member of PD, or on the status port of a store. `port` None: the usual one."""

    role: str
    path: str
    port: int | None = None


PING = TikvQuery(PD, "/pd/api/v1/ping")
"""Whether this member is alive. Answered by itself."""

MEMBERS = TikvQuery(PD, "/pd/api/v1/members")
"""The members, and who leads. Answered by the leader, through any member."""

HEALTH = TikvQuery(PD, "/pd/api/v1/health")
"""Which members this one reaches. It asks all others one after another, so one that hangs makes it slow."""

STORES = TikvQuery(PD, "/pd/api/v1/stores?state=0&state=1&state=2")
"""All stores. Without `state`, tombstones would be left out."""

REGIONS = TikvQuery(PD, "/pd/api/v1/regions")
"""All regions at once; how many can be read, see `require_readable_regions` in `subjects/tikv/members/pd.py`."""

REGION_COUNT = TikvQuery(PD, "/pd/api/v1/regions/count")
"""How many regions there are, without the regions themselves."""

CLUSTER = TikvQuery(PD, "/pd/api/v1/cluster")
"""How many replicas every region should have."""

CLUSTER_STATUS = TikvQuery(PD, "/pd/api/v1/cluster/status")
"""Whether the cluster is initialized."""

OF_EVERY_MEMBER = (PING, MEMBERS)
OF_THE_LEADER = (HEALTH, STORES, REGIONS, CLUSTER, CLUSTER_STATUS)

ALIVE = TikvQuery(TIKV, "/status")
"""Whether this store answers at all."""

STORE_CONFIG = TikvQuery(TIKV, "/config")
"""The configuration of this store."""


def region_status(region_id: int, port: int | None = None) -> TikvQuery:
    """Returns the query for the region's status on a store. Only a store itself knows whether it leads."""
    return TikvQuery(TIKV, f"/region/{region_id}", port)
