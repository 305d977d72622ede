"""What is known of a TiKV at one instant: all that a verdict is made of."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from subjects.cluster import Answer, Pod
from subjects.pods import member_names
from subjects.protocol import SubjectError
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.queries import PD, STORE_CONFIG, TikvQuery
from subjects.tikv.members.schemas import read
from subjects.watching.polling import QueryResult

M = TypeVar("M", bound=BaseModel)


class CachingReader:
    """Reads answers as values (`schemas.read`), each of the newest ones once.

    Verdicts come many times a second, and a list of regions may be long.
    """

    def __init__(self, max_entries: int = 4096) -> None:
        self._max_entries = max_entries
        # The answer is kept beside its value, or another one could come to bear its identity.
        self._values: OrderedDict[tuple[int, type[BaseModel]], tuple[Answer, Any]] = OrderedDict()

    def __call__(self, model: type[M], answer: Answer) -> M | str:
        """Returns the answer as a value, or why it is none."""
        key = id(answer), model
        if key not in self._values:
            self._values[key] = answer, read(model, answer)
            if len(self._values) > self._max_entries:
                self._values.popitem(last=False)
        value: M | str = self._values[key][1]
        return value


DEFAULT_HEARTBEAT_SECONDS = 10.0
"""Seconds between two heartbeats of a store to PD, as shipped (`raftstore.pd-store-heartbeat-tick-interval`)."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """How one small write to one region ended; `error` is None where it went through. `sent_at`: monotonic seconds."""

    sent_at: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TikvObservations:
    """What is known at one instant.

    `results` returns the results of a pod's uid that still hold. `confirmation` returns the result of one query about a
    single region, which may be older where there are many regions. `writes` are the results of writes by region id
    (None: none that still holds); it is None where nobody writes. `cluster_id` is what PD called itself at set-up, if
    that is known. `clock` is the monotonic time of the instant. `images`, by pod uid, are those that the pod had, see
    `subjects/images.py`. `known_tombstones` are the stores that were tombstones when the attempt began.
    """

    topology: Topology
    pods: Mapping[str, Mapping[str, Pod]]
    results: Callable[[str], Mapping[TikvQuery, QueryResult]]
    confirmation: Callable[[str, TikvQuery], QueryResult | None]
    clock: float
    writes: Mapping[int, WriteResult | None] | None = None
    cluster_id: int | None = None
    heartbeat_seconds: float = DEFAULT_HEARTBEAT_SECONDS
    reader: CachingReader = field(default_factory=CachingReader)
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    known_tombstones: frozenset[int] = frozenset()

    def present(self, role: str) -> dict[str, Pod]:
        """Returns the expected pods of a role that are there, in ordinal order."""
        names = member_names(self.topology.of(role))
        return {name: self.pods[role][name] for name in names if name in self.pods[role]}

    def result(self, pod: Pod, query: TikvQuery) -> QueryResult | None:
        """Returns the result of a query to a pod, if one still holds."""
        return self.results(pod.uid).get(query)

    def latest_of_pd(self, query: TikvQuery) -> QueryResult | None:
        """Returns the latest result of any member of PD: the one that was queried last was thought to lead."""
        held = (self.result(pod, query) for pod in self.present(PD).values())
        return max((result for result in held if result is not None), key=lambda result: result.sent_at, default=None)

    def value(self, model: type[M], result: QueryResult) -> M | str:
        """Returns the result as a value, or why it is none."""
        return self.reader(model, result.answer) if result.answer is not None else result.error


# How often stores report to PD ---------------------------------------------------------------------------------------

HEARTBEAT_SETTING = ("raftstore", "pd-store-heartbeat-tick-interval")

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


async def heartbeat_seconds(endpoints: Endpoints, timeout: float) -> float:
    """Returns the setting of the first store that answers within `timeout` seconds; as shipped where none does.

    Raises ClusterUnreachable.
    """
    try:
        pods = await endpoints.tikv_pods()
    except SubjectError:
        return DEFAULT_HEARTBEAT_SECONDS
    for _, pod in sorted(pods.items()):
        result = await endpoints.query(STORE_CONFIG, pod, timeout)
        if result.answer is not None and result.answer.status == 200:
            return read_heartbeat_seconds(result.answer.body)
    return DEFAULT_HEARTBEAT_SECONDS


def read_heartbeat_seconds(config: Any) -> float:
    """Reads the setting from a store's configuration, in seconds; as shipped where it is not in there."""
    value = config
    for key in HEARTBEAT_SETTING:
        value = value.get(key) if isinstance(value, dict) else None
    seconds = parse_duration(value) if isinstance(value, str) else None
    return seconds or DEFAULT_HEARTBEAT_SECONDS


def parse_duration(text: str) -> float | None:
    """Returns a duration as TiKV writes it, `1m30s` or `500ms`, in seconds; None where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * DURATION_UNITS[unit] for number, unit in parts)
