"""Asking PD as an operator would: one question or order at a time, through whichever member answers."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel

from subjects.cluster import Answer, ClusterError, MemberUnreachable
from subjects.protocol import SubjectError
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import MEMBERS, PD, REGIONS, STORES
from subjects.tikv.members.schemas import Members, Names, Regions, Stores, read, refusal

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
"""All that PD is ever told to do. None of it takes a member or a replica away; see `refuse_order` on operators."""

OPERATORS = frozenset({"transfer-leader"})
"""Others add, move and remove replicas."""


class PdUnavailable(SubjectError):
    """No member of PD answers as it should; it may come right."""


class PdRefused(SubjectError):
    """PD understood, and says no; the text holds its words."""


class Pd:
    """PD's API. Every method raises PdUnavailable, with what was seen last, where no member answers well.

    An answer of 4xx is PdRefused. An order may have been carried out although nobody answered: look, then repeat.
    """

    def __init__(self, endpoints: Endpoints, timeout: float = TIMEOUT_SECONDS) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._spokesman = ""

    async def members(self) -> Members:
        """The members, and who leads."""
        return await self.get(MEMBERS.path, Members)

    async def stores(self) -> Stores:
        """All stores, tombstones too."""
        return await self.get(STORES.path, Stores)

    async def regions(self) -> Regions:
        """All regions."""
        return await self.get(REGIONS.path, Regions)

    async def schedulers(self) -> frozenset[str]:
        """The names of what moves leaders and replicas about."""
        return frozenset((await self.get(SCHEDULERS, Names)).root or ())

    async def get(self, path: str, model: type[M]) -> M:
        """A value of the given shape."""
        value = read(model, await self.request(path))
        if isinstance(value, str):
            raise PdUnavailable(f"PD does not tell {path}: {value}")
        return value

    async def post(self, path: str, body: Any | None = None, timeout: float | None = None) -> Answer:
        """Give an order; `timeout` (seconds) where it takes longer than a question."""
        return await self.request(path, body, "POST", timeout)

    async def delete(self, path: str) -> Answer:
        """Have something removed."""
        return await self.request(path, method="DELETE")

    async def request(
        self, path: str, body: Any | None = None, method: str | None = None, timeout: float | None = None
    ) -> Answer:
        """The first good answer of a member; each is tried in turn, beginning with the one that answered last."""
        refuse_order(method or ("GET" if body is None else "POST"), path, body)
        why = "it has no pods"
        pods = await self._endpoints.pd_pods()
        for name, pod in sorted(pods.items(), key=lambda item: (item[0] != self._spokesman, item[0])):
            if pod.ip is None or pod.deleting:
                why = f"{name} is not there"
                continue
            try:
                answer = await self._endpoints.ask(PD, pod, path, timeout or self._timeout, body=body, method=method)
            except (MemberUnreachable, ClusterError) as error:
                why = str(error) or type(error).__name__
                continue
            if 200 <= answer.status < 300:
                self._spokesman = name
                return answer
            if 400 <= answer.status < 500:
                raise PdRefused(f"PD refuses {path}: {refusal(answer)}")
            why = f"{name}: {refusal(answer)}"
        raise PdUnavailable(f"PD does not answer {path}: {why}")


def refuse_order(method: str, path: str, body: Any | None) -> None:
    """Return where it is a question or one of the orders that PD may be given; else SubjectError. Pure."""
    if method == "GET":
        return
    if not any(method == known and pattern.fullmatch(path) for known, pattern in ORDERS):
        raise SubjectError(f"PD is not told to {method} {path}: no order of ours does that")
    if path.endswith("/operators") and (not isinstance(body, dict) or body.get("name") not in OPERATORS):
        raise SubjectError(f"PD is not told to {method} {path}: the operator is none that only moves a leader")
