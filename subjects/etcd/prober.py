"""etcd's half of the health watch: every member is asked every question, and the oracle judges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

from subjects.cluster import Pod, Workload
from subjects.etcd.oracle import Observations, assess
from subjects.etcd.place import SELECTOR
from subjects.etcd.polling import EtcdPollSettings, ask
from subjects.etcd.wire import Query
from subjects.images import KnownImages
from subjects.pods import member_names
from subjects.protocol import SubjectContext, Verdict
from subjects.watching.results import QueryResult, RecentResults
from subjects.watching.stream import Pods

MEMBER = "member"


class EtcdProber:
    """A `HealthProber`. `workload` fetches the StatefulSet, or remembers it.

    `images` is what its pods should look like; None where that is still to be learnt, and nothing is made of it.
    """

    selectors: Mapping[str, str] = {MEMBER: SELECTOR}

    def __init__(
        self,
        context: SubjectContext,
        workload: Callable[[], Awaitable[Workload]],
        polling: EtcdPollSettings,
        images: KnownImages | None,
    ) -> None:
        self._context = context
        self._fetch_workload = workload
        self._polling = polling
        self._images = images
        self._workload: Workload | None = None

    @property
    def period(self) -> float:
        """From question to question."""
        return self._polling.period

    async def discover(self) -> None:
        """Read the StatefulSet."""
        self._workload = await self._fetch_workload()

    def background_tasks(self, on_change: Callable[[], None]) -> tuple[Coroutine[Any, Any, None], ...]:
        """None of its own."""
        return ()

    def queries(self, pods: Pods, recent: RecentResults[Query]) -> Iterator[tuple[Pod, Query]]:
        """Everything, of every member that should exist and does."""
        assert self._workload is not None, "asked before it has learned"
        for name in member_names(self._workload):
            if name in pods[MEMBER]:
                yield from ((pods[MEMBER][name], query) for query in Query)

    def follow_ups(self, query: Query, pods: Pods, recent: RecentResults[Query]) -> tuple[tuple[Pod, Query], ...]:
        """Nothing: no question hangs on the answer to another."""
        return ()

    async def ask(self, pod: Pod, query: Query) -> QueryResult:
        """One question to one member."""
        return await ask(self._context, pod, query, self._polling.timeout_of(query))

    def assess(self, pods: Pods, recent: RecentResults[Query]) -> Verdict:
        """The oracle's verdict on replies that still hold."""
        assert self._workload is not None, "asked before it has learned"
        known = self._images.met(pods[MEMBER].values()) if self._images is not None else {}
        observations = Observations(
            self._workload, pods[MEMBER], lambda uid: recent.of(uid, self._polling.max_age), known
        )
        return assess(self._context.now(), observations)
