"""The stream of verdicts: pods and members are assessed as soon as something changes.

Three kinds of tasks feed it concurrently: watches on the pods, which skip no event (a pod that is replaced within a
second leaves only its uid as a trace); queries to the members, each of which reports when it ends; and a tick, which
keeps verdicts coming while nothing changes. A subject may add tasks of its own. A member that hangs delays none of
them, and nothing that a member, the network or the API server does ends the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from subjects.cluster import ClusterUnreachable, Pod, PodView
from subjects.protocol import Problem, SubjectContext, SubjectNotReady, Verdict
from subjects.watching.polling import LatestResults, Poller, QueryResult, RecentResults
from subjects.workloads import UnfitWorkload

Q = TypeVar("Q", bound=Hashable)

BURST_SECONDS = 0.01
"""How long a result may wait in seconds, so that those that follow right behind it are assessed with it."""

Pods = Mapping[str, Mapping[str, Pod]]
"""By role, then by name."""


class HealthProber(Protocol[Q]):
    """What a subject adds: which pods to watch, what to query, and how to assess the results.

    Times are monotonic seconds of the event loop.
    """

    @property
    def period(self) -> float:
        """Seconds between two polls, and the longest time without a verdict; at most 0.5."""
        ...

    @property
    def selectors(self) -> Mapping[str, str]:
        """The label selectors of the pods to watch, by role."""
        ...

    async def discover(self) -> None:
        """Find what must be known before anything can be assessed. It is called again until it returns.

        Raises SubjectNotReady (UnfitWorkload where Kubernetes was asked and the subject is not what it should be) or
        ClusterUnreachable.
        """
        ...

    def background_tasks(self, on_change: Callable[[], None]) -> Iterable[Coroutine[Any, Any, None]]:
        """Return what runs with the stream; each task calls `on_change()` when it has a new result."""
        ...

    def queries(self, pods: Pods, recent: RecentResults[Q]) -> Iterable[tuple[Pod, Q]]:
        """Return what to query now. Called each period, and after every pod event."""
        ...

    def follow_ups(self, query: Q, pods: Pods, recent: RecentResults[Q]) -> Iterable[tuple[Pod, Q]]:
        """Return what the result of that query makes due at once, rather than when the next period begins."""
        ...

    async def send(self, pod: Pod, query: Q) -> QueryResult:
        """Send one query to one member. Never raises for an error of the member, the network or the API server."""
        ...

    def assess(self, pods: Pods, recent: RecentResults[Q]) -> Verdict:
        """Return the verdict on what is known. Pure but for the clock."""
        ...


class VerdictStream(Generic[Q]):
    """One stream of verdicts on one subject."""

    def __init__(self, context: SubjectContext, prober: HealthProber[Q]) -> None:
        self._context = context
        self._prober = prober
        self._clock = asyncio.get_running_loop().time
        self._out: asyncio.Queue[Verdict | BaseException] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._poller = Poller(prober.send, self._start, self._on_result)
        self._results: LatestResults[Q] = LatestResults()
        self._pods: dict[str, dict[str, Pod]] = {role: {} for role in prober.selectors}
        unlisted = Problem("PodsUnseen", "the pods have not been listed yet")
        self._unlisted: dict[str, Problem] = dict.fromkeys(prober.selectors, unlisted)
        self._undiscovered: Problem | None = Problem("WorkloadUnread", "the StatefulSet has not been read yet")
        self._last: Verdict | None = None
        self._scheduled: asyncio.TimerHandle | None = None

    async def verdicts(self) -> AsyncGenerator[Verdict]:
        """Yield verdicts without end. Closing the generator ends every task and request that it started."""
        watches = [self._watch_pods(role, selector) for role, selector in self._prober.selectors.items()]
        own = self._prober.background_tasks(self._schedule_assessment)
        for work in (self._discover(), *watches, *own, self._tick()):
            self._start(work)
        try:
            while True:
                item = await self._out.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            if self._scheduled is not None:
                self._scheduled.cancel()
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_end)

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A defect in here must end the stream loudly: an oracle that merely fell silent would look like a blind one.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._out.put_nowait(error)

    async def _discover(self) -> None:
        while self._undiscovered is not None:
            try:
                await self._prober.discover()
                self._undiscovered = None
            except UnfitWorkload as error:
                self._undiscovered = Problem("UnfitWorkload", str(error))
            except SubjectNotReady as error:
                self._undiscovered = Problem("WorkloadUnread", str(error))
            except ClusterUnreachable as error:
                self._undiscovered = Problem("ApiUnreachable", f"the API server does not answer: {error}")
            if self._undiscovered is not None:
                await asyncio.sleep(self._prober.period)
        self._poll_members()

    async def _watch_pods(self, role: str, selector: str) -> None:
        async for view in self._context.cluster.watch_pods(self._context.namespace, selector):
            self._on_pods(role, view)
        raise RuntimeError("the pod watch ended")

    async def _tick(self) -> None:
        due = self._clock()
        while True:
            self._poll_members()
            self._emit(self._assess())
            due = max(due + self._prober.period, self._clock())
            await asyncio.sleep(due - self._clock())

    def _on_pods(self, role: str, view: PodView) -> None:
        if view.pods is None:
            self._unlisted[role] = Problem("ApiUnreachable", f"the API server does not answer: {view.error}")
        else:
            self._unlisted.pop(role, None)
            before = {pod.uid: pod for pod in self._pods[role].values()}
            self._pods[role] = dict(view.pods)
            for pod in view.pods.values():
                if before.pop(pod.uid, None) != pod:
                    self._results.invalidate(pod.uid, self._clock())
            for uid in before:
                self._results.forget(uid)
        self._emit(self._assess())
        self._poll_members()

    def _poll_members(self) -> None:
        if self._undiscovered is None:
            self._poller.send(self._prober.queries(self._pods, self._recent()))

    def _on_result(self, uid: str, query: Q, result: QueryResult) -> None:
        self._results.record(uid, query, result)
        if self._undiscovered is None:
            self._poller.send(self._prober.follow_ups(query, self._pods, self._recent()), max_in_flight=1)
        self._schedule_assessment()

    def _schedule_assessment(self) -> None:
        """Assess again soon: results come in bursts, and one assessment covers all of them."""
        if self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_later(BURST_SECONDS, self._assess_now)

    def _assess_now(self) -> None:
        self._scheduled = None
        verdict = self._assess()
        if self._last is None or _without_time(verdict) != _without_time(self._last):
            self._emit(verdict)

    def _recent(self) -> RecentResults[Q]:
        return RecentResults(self._results, self._clock())

    def _assess(self) -> Verdict:
        at = self._context.now()
        uids = {name: pod.uid for pods in self._pods.values() for name, pod in sorted(pods.items())}
        if self._unlisted:
            return unknown_verdict(at, next(iter(self._unlisted.values())), uids)
        if self._undiscovered is None:
            return self._prober.assess(self._pods, self._recent())
        if self._undiscovered.reason == "UnfitWorkload":
            return Verdict(at, serving=False, healthy=False, problems=(self._undiscovered,), members=uids)
        return unknown_verdict(at, self._undiscovered, uids)

    def _emit(self, verdict: Verdict) -> None:
        self._last = verdict
        self._out.put_nowait(verdict)


def unknown_verdict(at: datetime, problem: Problem, members: Mapping[str, str]) -> Verdict:
    """Return the verdict while our own view fails."""
    return Verdict(at, serving=None, healthy=None, problems=(problem,), members=members)


def _without_time(verdict: Verdict) -> object:
    """Return the verdict without its time and wording."""
    problems = {(problem.reason, problem.member) for problem in verdict.problems}
    return verdict.serving, verdict.healthy, problems
