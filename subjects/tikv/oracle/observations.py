"""What is known of a TiKV at one instant: all that a verdict is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from subjects.cluster import Pod
from subjects.pods import member_names
from subjects.tikv.members.endpoints import Topology
from subjects.tikv.members.queries import PD, Query
from subjects.tikv.oracle.reading import Reader
from subjects.watching.polling import QueryResult

M = TypeVar("M", bound=BaseModel)

DEFAULT_HEARTBEAT_SECONDS = 10.0
"""From heartbeat to heartbeat of a store to PD, as shipped (`raftstore.pd-store-heartbeat-tick-interval`)."""


@dataclass(frozen=True, slots=True)
class Write:
    """How one small write to one region ended: `error` None, it went through. `sent_at` in monotonic seconds."""

    sent_at: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Observations:
    """`results` are by pod uid and still hold; a `confirmation` is the reply to one question about a single region, and
    may be older where there are many regions.

    `writes` are by region id (None: none that still holds), and None where nobody writes. `cluster_id` is what PD
    called itself at set-up, if that is known. `clock` is the monotonic time at which all this was put together.
    `images` are by pod uid: what it had, see `subjects/images.py`. `buried`: the stores of which PD kept no more than a
    record when the attempt began.
    """

    topology: Topology
    pods: Mapping[str, Mapping[str, Pod]]
    results: Callable[[str], Mapping[Query, QueryResult]]
    confirmation: Callable[[str, Query], QueryResult | None]
    clock: float
    writes: Mapping[int, Write | None] | None = None
    cluster_id: int | None = None
    heartbeat_seconds: float = DEFAULT_HEARTBEAT_SECONDS
    reader: Reader = field(default_factory=Reader)
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    buried: frozenset[int] = frozenset()

    def present(self, role: str) -> dict[str, Pod]:
        """The expected pods of a role that are there, in ordinal order."""
        names = member_names(self.topology.of(role))
        return {name: self.pods[role][name] for name in names if name in self.pods[role]}

    def result(self, pod: Pod, query: Query) -> QueryResult | None:
        """What the member said to that, if it said it lately."""
        return self.results(pod.uid).get(query)

    def latest_of_pd(self, query: Query) -> QueryResult | None:
        """The newest reply of any member of PD: whoever was asked last was thought to lead."""
        held = (self.result(pod, query) for pod in self.present(PD).values())
        return max((result for result in held if result is not None), key=lambda result: result.sent_at, default=None)

    def value(self, model: type[M], result: QueryResult) -> M | str:
        """The reply as a value, or why it is none."""
        return self.reader(model, result.answer) if result.answer is not None else result.error
