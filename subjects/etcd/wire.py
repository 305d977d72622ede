"""etcd's JSON over HTTP (the gRPC gateway on the client port, 3.5 and 3.6): what is asked and how answers are read.

Pure. Two habits of that gateway matter: uint64 travel as JSON strings, and a field that is absent means zero.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from subjects.cluster import Answer

CLIENT_PORT = 2379

PROBE_KEY = "healthcheck"
"""The one key the oracle writes. Agents may read the whole store, so its name says nothing about an evaluation."""


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


NOTHING: Mapping[str, str] = {}
"""The body of a request without fields: the gateway wants an object all the same."""


class Query(Enum):
    """What the oracle asks every member: HTTP path and JSON body (None: a GET)."""

    HEALTH = "/health", None
    STATUS = "/v3/maintenance/status", NOTHING
    MEMBERS = "/v3/cluster/member/list", NOTHING
    """From the member's own memory: it must also answer while there is no leader."""
    WRITE = "/v3/kv/put", {"key": _base64(PROBE_KEY), "value": _base64("ok")}

    @property
    def path(self) -> str:
        return str(self.value[0])

    @property
    def body(self) -> Any | None:
        return self.value[1]


TRANSFER_PATH = "/v3/maintenance/transfer-leadership"


def transfer_body(member_id: str) -> dict[str, str]:
    """Body of the request that makes `member_id` the leader; only the present leader grants it."""
    return {"targetID": member_id}


@dataclass(frozen=True, slots=True)
class Status:
    """A member's own view of the cluster. Ids are decimal strings; `leader` is None where it knows none."""

    member_id: str
    leader: str | None
    version: str
    learner: bool
    errors: tuple[str, ...]


def read_status(answer: Answer) -> Status | None:
    """The answer to STATUS, or None where it is no such answer."""
    body = answer.body
    if answer.status != 200 or not isinstance(body, dict) or not isinstance(header := body.get("header"), dict):
        return None
    leader = str(body.get("leader", "0"))
    return Status(
        member_id=str(header.get("member_id", "0")),
        leader=None if leader == "0" else leader,
        version=str(body.get("version", "")),
        learner=bool(body.get("isLearner", False)),
        errors=tuple(str(error).strip() for error in body.get("errors", ())),
    )


def read_members(answer: Answer) -> tuple[str, ...] | None:
    """The names in the answer to MEMBERS, sorted ("" for one that never started); None where it is no such answer."""
    if answer.status != 200 or not isinstance(answer.body, dict):
        return None
    return tuple(sorted(str(member.get("name", "")) for member in answer.body.get("members", ())))


def health_problem(answer: Answer) -> str | None:
    """Why the answer to HEALTH is not "healthy", in etcd's words; None where it is."""
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status == 200 and str(body.get("health")).lower() == "true":
        return None
    return refusal(answer)


def accepted(answer: Answer) -> bool:
    """Whether a write or a transfer went through."""
    return answer.status == 200


def refusal(answer: Answer) -> str:
    """Why a request was refused, in etcd's words where there are any."""
    body = answer.body if isinstance(answer.body, dict) else {}
    return str(body.get("reason") or body.get("message") or body.get("error") or f"HTTP {answer.status}")
