"""etcd's HTTP API (the gRPC gateway on the client port, 3.5 and 3.6), and which pods are asked by it.

Two habits of that gateway matter when answers are read: uint64 travel as JSON strings, and a field that is absent means
zero.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from subjects import workloads
from subjects.cluster import Answer, MemberRequest, Pod, Workload
from subjects.protocol import SubjectContext
from subjects.watching.polling import PollSettings, QueryResult, send_within

WORKLOAD = "etcd"
SELECTOR = "app.kubernetes.io/name=etcd"
CLIENT_PORT = 2379

PROBE_KEY = "healthcheck"
"""The one key that the oracle writes. Agents may read the whole store, so it gives no hint of an evaluation."""


async def get_workload(context: SubjectContext) -> Workload:
    """Returns the StatefulSet; raises as `workloads.get_workload`."""
    return await workloads.get_workload(context, WORKLOAD)


async def list_pods(context: SubjectContext) -> Mapping[str, Pod]:
    """Returns the members' pods, by name."""
    return await workloads.list_pods(context, SELECTOR)


# Requests ------------------------------------------------------------------------------------------------------------


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


NO_FIELDS: Mapping[str, str] = {}
"""The body of a request without fields: the gateway wants an object all the same."""


class EtcdQuery(Enum):
    """What the oracle asks every member: HTTP path and JSON body (None: a GET).

    The write is sent to every member rather than to one in turn. A client that tries the members is served as soon as
    one of them takes the write; taking turns would show the same, later, after the timeouts of the silent ones.
    """

    HEALTH = "/health", None
    STATUS = "/v3/maintenance/status", NO_FIELDS
    MEMBERS = "/v3/cluster/member/list", NO_FIELDS
    """Answered from the member's own memory, so also while there is no leader."""
    WRITE = "/v3/kv/put", {"key": _base64(PROBE_KEY), "value": _base64("ok")}

    @property
    def path(self) -> str:
        """The HTTP path."""
        return str(self.value[0])

    @property
    def body(self) -> Any | None:
        """The JSON body; None makes it a GET."""
        return self.value[1]


TRANSFER_PATH = "/v3/maintenance/transfer-leadership"


def transfer_body(member_id: str) -> dict[str, str]:
    """Returns the body of the request that makes `member_id` the leader; only the present leader grants it."""
    return {"targetID": member_id}


@dataclass(frozen=True, slots=True)
class EtcdPollSettings(PollSettings):
    """How often members are queried (from start to start), and how long an answer may take, in seconds.

    `write_timeout` is what a client would wait, and decides how late the beginning of an outage is seen: within `period
    + write_timeout`; its end, within `period`. An election takes etcd little more than a second, so it must be short,
    or the commonest outage would go unseen. `timeout` is for everything else, and distinguishes a silent member from a
    busy machine: on two cores with four busy loops and a disk under synchronous writes, answers took up to 0.34 s.
    Writes took up to 0.52 s there, 0.39 s in 99 of 100; one that gets through any member in time is enough.
    """

    period: float = 0.25
    timeout: float = 1.0
    write_timeout: float = 0.5

    def timeout_of(self, query: EtcdQuery) -> float:
        """Returns how long the answer to this query may take, in seconds."""
        return self.write_timeout if query is EtcdQuery.WRITE else self.timeout

    @property
    def max_age(self) -> float:
        """Seconds after which a result no longer holds, because a later one should have come by now."""
        return self.period + self.timeout


async def send_query(context: SubjectContext, pod: Pod, query: EtcdQuery, timeout: float) -> QueryResult:
    """Sends one query to one member. Never raises for what the member, the network or the API server does."""
    request = MemberRequest(context.namespace, pod, CLIENT_PORT, query.path, timeout, query.body)
    return await send_within(timeout, lambda: context.cluster.ask_member(request))


# Answers -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """A member's own view of the cluster. Ids are decimal strings; `leader` is None where it knows none."""

    member_id: str
    leader: str | None
    version: str
    learner: bool
    errors: tuple[str, ...]


def read_status(answer: Answer) -> Status | None:
    """Reads the answer to STATUS; None where it is no such answer."""
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
    """Reads the names in the answer to MEMBERS, sorted; None where it is no such answer.

    The name of a member that never started is empty.
    """
    if answer.status != 200 or not isinstance(answer.body, dict):
        return None
    return tuple(sorted(str(member.get("name", "")) for member in answer.body.get("members", ())))


def health_problem(answer: Answer) -> str | None:
    """Returns why the answer to HEALTH is not "healthy", in etcd's words; None where it is."""
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status == 200 and str(body.get("health")).lower() == "true":
        return None
    return refusal(answer)


def accepted(answer: Answer) -> bool:
    """Returns whether a write or a transfer was accepted."""
    return answer.status == 200


def refusal(answer: Answer) -> str:
    """Returns why a request was refused, in etcd's words where there are any."""
    body = answer.body if isinstance(answer.body, dict) else {}
    return str(body.get("reason") or body.get("message") or body.get("error") or f"HTTP {answer.status}")
