"""The stream of verdicts: what happens to pods and members, judged the moment it is seen.

Three sources feed it side by side: the watches on the pods, of which no event is skipped (a pod that is replaced within
a second leaves only its uid as a trace); the questions to the members, each of which reports when it is answered; and a
tick, which keeps verdicts coming while nothing happens. A subject may add sources of its own. A member that hangs holds
up none of them, and nothing that a member, the network or the API server does ends the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from subjects.cluster import ClusterUnreachable, Pod, PodView
from subjects.protocol import Problem, SubjectContext, SubjectNotReady, Verdict
from subjects.watching.polling import Poll
from subjects.watching.replies import Fresh, Reply, ReplyBook
from subjects.workloads import WorkloadUnfit

Q = TypeVar("Q", bound=Hashable)

BURST_SECONDS = 0.01
"""How long an answer may wait to be judged together with those that come right behind it."""

Pods = Mapping[str, Mapping[str, Pod]]
"""By role, then by name."""


class Gaze(Protocol[Q]):
    """What a subject adds: where to look, what to ask, how to judge. Times are monotonic seconds of the event loop."""

    @property
    def period(self) -> float:
        """From question to question, and the longest time without a verdict; at most 0.5 seconds."""
        ...

    @property
    def selectors(self) -> Mapping[str, str]:
        """The label selectors of the pods to watch, by role."""
        ...

    async def learn(self) -> None:
        """Find out what must be known before anything can be judged. Tried again until it returns.

        Raises SubjectNotReady (WorkloadUnfit where Kubernetes was asked and the subject is not what it should be) or
        ClusterUnreachable.
        """
        ...

    def sources(self, news: Callable[[], None]) -> Iterable[Coroutine[Any, Any, None]]:
        """What runs beside the stream; each calls `news()` when it has found out something."""
        ...

    def questions(self, pods: Pods, fresh: Fresh[Q]) -> Iterable[tuple[Pod, Q]]:
        """What to ask now. Called each period, and after every pod event."""
        ...

    def follow_up(self, question: Q, pods: Pods, fresh: Fresh[Q]) -> Iterable[tuple[Pod, Q]]:
        """What an answer to that question makes us ask at once, rather than when the next period begins."""
        ...

    async def ask(self, pod: Pod, question: Q) -> Reply:
        """Put one question to one member. Never raises for what it, the network or the API server does."""
        ...

    def judge(self, pods: Pods, fresh: Fresh[Q]) -> Verdict:
        """The verdict on what is known. Pure but for the clock."""
        ...


class HealthWatch(Generic[Q]):
    """One stream of verdicts."""

    def __init__(self, context: SubjectContext, gaze: Gaze[Q]) -> None:
        self._context = context
        self._gaze = gaze
        self._clock = asyncio.get_running_loop().time
        self._out: asyncio.Queue[Verdict | BaseException] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._poll = Poll(gaze.ask, self._start, self._heard)
        self._book: ReplyBook[Q] = ReplyBook()
        self._pods: dict[str, dict[str, Pod]] = {role: {} for role in gaze.selectors}
        unlisted = Problem("PodsUnseen", "the pods have not been listed yet")
        self._unseen: dict[str, Problem] = dict.fromkeys(gaze.selectors, unlisted)
        self._ignorant: Problem | None = Problem("WorkloadUnread", "the StatefulSet has not been read yet")
        self._last: Verdict | None = None
        self._due: asyncio.TimerHandle | None = None

    async def verdicts(self) -> AsyncGenerator[Verdict]:
        """Verdicts without end; closing the generator ends every task and request it started."""
        looks = [self._watch_pods(role, selector) for role, selector in self._gaze.selectors.items()]
        for source in (self._learn(), *looks, *self._gaze.sources(self._news), self._tick()):
            self._start(source)
        try:
            while True:
                item = await self._out.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            if self._due is not None:
                self._due.cancel()
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A defect in here must end the stream loudly: an oracle that merely fell silent would look like a blind one.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._out.put_nowait(error)

    async def _learn(self) -> None:
        while self._ignorant is not None:
            try:
                await self._gaze.learn()
                self._ignorant = None
            except WorkloadUnfit as error:
                self._ignorant = Problem("WorkloadUnfit", str(error))
            except SubjectNotReady as error:
                self._ignorant = Problem("WorkloadUnread", str(error))
            except ClusterUnreachable as error:
                self._ignorant = Problem("ApiUnreachable", f"the API server does not answer: {error}")
            if self._ignorant is not None:
                await asyncio.sleep(self._gaze.period)
        self._ask_members()

    async def _watch_pods(self, role: str, selector: str) -> None:
        async for view in self._context.cluster.watch_pods(self._context.namespace, selector):
            self._saw(role, view)
        raise RuntimeError("the pod watch ended")

    async def _tick(self) -> None:
        due = self._clock()
        while True:
            self._ask_members()
            self._emit(self._judge())
            due = max(due + self._gaze.period, self._clock())
            await asyncio.sleep(due - self._clock())

    def _saw(self, role: str, view: PodView) -> None:
        if view.pods is None:
            self._unseen[role] = Problem("ApiUnreachable", f"the API server does not answer: {view.error}")
        else:
            self._unseen.pop(role, None)
            before = {pod.uid: pod for pod in self._pods[role].values()}
            self._pods[role] = dict(view.pods)
            for pod in view.pods.values():
                if before.pop(pod.uid, None) != pod:
                    self._book.pod_changed(pod.uid, self._clock())
            for uid in before:
                self._book.forget(uid)
        self._emit(self._judge())
        self._ask_members()

    def _ask_members(self) -> None:
        if self._ignorant is None:
            self._poll.ask(self._gaze.questions(self._pods, self._fresh()))

    def _heard(self, uid: str, question: Q, reply: Reply) -> None:
        self._book.note(uid, question, reply)
        if self._ignorant is None:
            self._poll.ask(self._gaze.follow_up(question, self._pods, self._fresh()), at_once=1)
        self._news()

    def _news(self) -> None:
        """Judge anew, soon: answers come in bursts, and one judgement will do for all of them."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(BURST_SECONDS, self._tell_news)

    def _tell_news(self) -> None:
        self._due = None
        verdict = self._judge()
        if self._last is None or _substance(verdict) != _substance(self._last):
            self._emit(verdict)

    def _fresh(self) -> Fresh[Q]:
        return Fresh(self._book, self._clock())

    def _judge(self) -> Verdict:
        at = self._context.now()
        uids = {name: pod.uid for pods in self._pods.values() for name, pod in sorted(pods.items())}
        if self._unseen:
            return unknown(at, next(iter(self._unseen.values())), uids)
        if self._ignorant is None:
            return self._gaze.judge(self._pods, self._fresh())
        if self._ignorant.reason == "WorkloadUnfit":
            return Verdict(at, serving=False, healthy=False, problems=(self._ignorant,), members=uids)
        return unknown(at, self._ignorant, uids)

    def _emit(self, verdict: Verdict) -> None:
        self._last = verdict
        self._out.put_nowait(verdict)


def unknown(at: datetime, problem: Problem, members: Mapping[str, str]) -> Verdict:
    """The verdict while our own sight fails."""
    return Verdict(at, serving=None, healthy=None, problems=(problem,), members=members)


def _substance(verdict: Verdict) -> object:
    """A verdict without its instant and its wording."""
    problems = {(problem.reason, problem.member) for problem in verdict.problems}
    return verdict.serving, verdict.healthy, problems
