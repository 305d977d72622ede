"""PD's API as an operator uses it: one query or order at a time, through any member that answers."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel

from subjects.cluster import Answer, ClusterError, MemberUnreachable
from subjects.protocol import SubjectError, SubjectNotReady
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import MEMBERS, PD, REGION_COUNT, REGIONS, STORES
from subjects.tikv.members.schemas import MemberList, NameList, RegionCount, Regions, Stores, read, refusal

M = TypeVar("M", bound=BaseModel)

SCHEDULERS = "/pd/api/v1/schedulers"

TIMEOUT_SECONDS = 4.0
"""A member without a leader keeps a request for three seconds before it says so."""


ORDERS = tuple(
    (method, re.compile(path))
    for method, path in (
        ("POST", r"/pd/api/v1/config"),
        ("POST", r"/pd/api/v1/operators"),
        ("POST", r"/pd/api/v1/regions/split"),
        ("POST", r"/pd/api/v1/store/\d+/state\?state=Up"),
        ("DELETE", r"/pd/api/v1/stores/remove-tombstone"),
        ("DELETE", rf"{SCHEDULERS}/(evict|grant)-leader-scheduler[\w.-]*"),
    )
)
"""All orders that PD is ever given. None of them takes a member or a replica away; see `refuse_order` on operators."""

OPERATORS = frozenset({"transfer-leader"})
"""Others add, move and remove replicas."""


class PdUnavailable(SubjectError):
    """No member of PD answers as it should; a later attempt may succeed."""


class PdRefused(SubjectError):
    """PD understood the request and refuses it; the text holds its words."""


class Pd:
    """PD's API. Every method raises PdUnavailable, with the last error, where no member answers well.

    An answer of 4xx raises PdRefused. An order may have been carried out although nobody answered: check, then repeat.
    """

    def __init__(self, endpoints: Endpoints, timeout: float = TIMEOUT_SECONDS) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._last_answered = ""

    async def members(self) -> MemberList:
        """Returns the members, and who leads."""
        return await self.get(MEMBERS.path, MemberList)

    async def stores(self) -> Stores:
        """Returns all stores, tombstones too."""
        return await self.get(STORES.path, Stores)

    async def regions(self) -> Regions:
        """Returns all regions."""
        return await self.get(REGIONS.path, Regions)

    async def schedulers(self) -> frozenset[str]:
        """Returns the names of PD's schedulers."""
        return frozenset((await self.get(SCHEDULERS, NameList)).root or ())

    async def get(self, path: str, model: type[M]) -> M:
        """Returns what PD answers at a path, as a value."""
        value = read(model, await self.request(path))
        if isinstance(value, str):
            raise PdUnavailable(f"PD does not tell {path}: {value}")
        return value

    async def post(self, path: str, body: Any | None = None, timeout: float | None = None) -> Answer:
        """Gives an order; `timeout` (seconds) where it takes longer than a query."""
        return await self.request(path, body, "POST", timeout)

    async def delete(self, path: str) -> Answer:
        """Gives the order to remove something."""
        return await self.request(path, method="DELETE")

    async def request(
        self, path: str, body: Any | None = None, method: str | None = None, timeout: float | None = None
    ) -> Answer:
        """Returns the first good answer of a member. Each is tried in turn, first the one that answered last."""
        refuse_order(method or ("GET" if body is None else "POST"), path, body)
        why = "it has no pods"
        pods = await self._endpoints.pd_pods()
        for name, pod in sorted(pods.items(), key=lambda item: (item[0] != self._last_answered, item[0])):
            if pod.ip is None or pod.deleting:
                why = f"{name} is not there"
                continue
            try:
                answer = await self._endpoints.request(
                    PD, pod, path, timeout or self._timeout, body=body, method=method
                )
            except (MemberUnreachable, ClusterError) as error:
                why = str(error) or type(error).__name__
                continue
            if 200 <= answer.status < 300:
                self._last_answered = name
                return answer
            if 400 <= answer.status < 500:
                raise PdRefused(f"PD refuses {path}: {refusal(answer)}")
            why = f"{name}: {refusal(answer)}"
        raise PdUnavailable(f"PD does not answer {path}: {why}")


def refuse_order(method: str, path: str, body: Any | None) -> None:
    """Raises SubjectError unless it is a query or one of the orders that PD may be given. Pure."""
    if method == "GET":
        return
    if not any(method == known and pattern.fullmatch(path) for known, pattern in ORDERS):
        raise SubjectError(f"PD is not told to {method} {path}: no order of ours does that")
    if path.endswith("/operators") and (not isinstance(body, dict) or body.get("name") not in OPERATORS):
        raise SubjectError(f"PD is not told to {method} {path}: the operator is none that only moves a leader")


# How large a TiKV may be ---------------------------------------------------------------------------------------------

READABLE_REGIONS = 5_000
"""Up to so many regions can be read in any case. Where there are more, the list is read to see whether it can be.

PD's list of regions is read in one piece, twice a second. At most 8 MiB and half a million values of an answer are
read, because what a member sends must cost the controller little. A region of three replicas is 58
values (counted in a real PD's answer), and 7 more for each further replica: some 8,600 regions fit, or 7,700 with one
more each on TiFlash.
"""

COUNT_TIMEOUT_SECONDS = 1.0
"""For each member of PD to count them. A member that does not answer is for the oracle to assess."""


async def require_readable_regions(endpoints: Endpoints) -> None:
    """Returns where PD's list of regions can be read, or PD does not count them.

    Raises SubjectNotReady, with their number, where it cannot.
    """
    count = 0
    with suppress(PdUnavailable, PdRefused):
        count = (await Pd(endpoints, COUNT_TIMEOUT_SECONDS).get(REGION_COUNT.path, RegionCount)).count
    if count <= READABLE_REGIONS:
        return
    try:
        await Pd(endpoints).regions()
    except (PdUnavailable, PdRefused) as unread:
        raise SubjectNotReady(
            f"PD counts {count} regions, and their list cannot be read ({unread}); "
            "about 8,600 can be, of three replicas each"
        ) from unread
