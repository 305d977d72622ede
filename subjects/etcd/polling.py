"""How etcd's members are asked, and how often.

The write is put through every member rather than one in turn: a client that tries the members is served as soon as one
of them takes it, and a turn would have to wait out the silent ones to learn the same, later.
"""

from __future__ import annotations

from dataclasses import dataclass

from subjects.cluster import MemberRequest, Pod
from subjects.etcd.wire import CLIENT_PORT, Query
from subjects.protocol import SubjectContext
from subjects.watching.polling import PollSettings, send_within
from subjects.watching.results import QueryResult


@dataclass(frozen=True, slots=True)
class EtcdPollSettings(PollSettings):
    """How often members are queried (from start to start), and how long an answer may take, in seconds.

    `write_timeout` is what a client would wait, and decides how late the beginning of an outage is seen: within
    `period + write_timeout`; its end, within `period`. An election takes etcd little more than a second, so it must be
    short, or the commonest outage would go unseen. `timeout` is for everything else, and tells a silent member from a
    busy machine: on two cores with four busy loops and a disk under synchronous writes, answers took up to 0.34 s.
    Writes took up to 0.52 s there, 0.39 s in 99 of 100; one that gets through any member in time is enough.
    """

    period: float = 0.25
    timeout: float = 1.0
    write_timeout: float = 0.5

    def timeout_of(self, query: Query) -> float:
        """How long the answer to this query may take, in seconds."""
        return self.write_timeout if query is Query.WRITE else self.timeout

    @property
    def max_age(self) -> float:
        """Seconds after which a result no longer holds, because a later one should have come by now."""
        return self.period + self.timeout


async def ask(context: SubjectContext, pod: Pod, query: Query, timeout: float) -> QueryResult:
    """One question to one member; never raises for what the member, the network or the API server does."""
    return await send_within(
        timeout,
        lambda: context.cluster.ask_member(
            MemberRequest(context.namespace, pod, CLIENT_PORT, query.path, timeout, query.body)
        ),
    )
