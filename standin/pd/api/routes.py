"""A question by HTTP, the answers there may be, and the table that leads from one to the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..lead import Lead

V1 = "/pd/api/v1"

NOT_BOOTSTRAPPED = "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"

_LOCAL = {f"{V1}/{name}" for name in ("status", "health", "ping", "version")} | {"/pd/api/v2/ready"}


@dataclass(frozen=True, slots=True)
class Http:
    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Any = None
    """Parsed JSON, or None."""
    follower: bool = False
    """The client will have this member's own answer, leader or not."""
    forwarded: bool = False
    """Another member took this one for the leader."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A body of None is JSON's null; a body that is `text` is sent as it is."""

    status: int
    body: Any = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Ask the leader, at this address."""

    address: str


@dataclass(frozen=True, slots=True)
class Survey:
    """The answer to `/health`: a list of these members, each with what comes of asking it for `/ping`."""

    members: tuple[Mapping[str, Any], ...]


Reply = Answer | Forward | Survey


@dataclass(frozen=True, slots=True)
class Call:
    lead: Lead
    now: float
    ticket: int
    http: Http
    groups: tuple[str, ...]


Handler = Callable[[Call], Answer | None]
"""None: `call.lead` answers the ticket later."""

_TABLE: list[tuple[str, re.Pattern[str], Handler, bool]] = []


def route(method: str, pattern: str, bootstrapped: bool = True) -> Callable[[Handler], Handler]:
    """`bootstrapped`: there must be a first store, or the answer is an error."""

    def enter(handler: Handler) -> Handler:
        _TABLE.append((method, re.compile(V1 + pattern), handler, bootstrapped))
        return handler

    return enter


def is_local(http: Http) -> bool:
    """Whether any member answers this by itself."""
    return http.path in _LOCAL or (http.method == "GET" and http.path == f"{V1}/config")


def answer(lead: Lead, now: float, ticket: int, http: Http) -> Answer | None:
    """The leader's answer."""
    known = [entry for entry in _TABLE if entry[1].fullmatch(http.path)]
    for method, pattern, handler, bootstrapped in known:
        if method == http.method:
            if bootstrapped and not lead.cluster.ledger.bootstrapped:
                return Answer(500, NOT_BOOTSTRAPPED)
            match = pattern.fullmatch(http.path)
            assert match is not None
            return handler(Call(lead, now, ticket, http, match.groups()))
    return Answer(405, text="") if known else Answer(404, text="404 page not found\n")
