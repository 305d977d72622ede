"""The eyes of the oracle: pods by watch, members by poll, and a verdict whenever something may have changed.

Three sources feed one state, all in one event loop, so that nothing needs a lock:

- the pod watch: every event gives a verdict of its own, so that a pod which is replaced faster than a poll is seen;
- the ticker: every `period` it asks every member everything and gives a verdict, whoever has answered by then;
- the replies: each gives a verdict where it changes the judgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from subjects.cluster import ClusterUnreachable, Pod, PodView, Workload
from subjects.etcd.oracle import Evidence, judge, unknown
from subjects.etcd.place import SELECTOR, WorkloadUnfit
from subjects.etcd.polling import Pace, Poll
from subjects.etcd.replies import Reply, ReplyBook
from subjects.etcd.wire import Question
from subjects.pods import member_names
from subjects.protocol import Problem, SubjectContext, SubjectNotReady, Verdict


class HealthWatch:
    """One stream of verdicts. `workload` fetches the StatefulSet, or remembers it."""

    def __init__(self, context: SubjectContext, workload: Callable[[], Awaitable[Workload]], pace: Pace) -> None:
        self._context = context
        self._fetch_workload = workload
        self._pace = pace
        self._clock = asyncio.get_running_loop().time
        self._out: asyncio.Queue[Verdict | BaseException] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._poll = Poll(context, pace, self._start, self._heard)
        self._book = ReplyBook()
        self._pods: Mapping[str, Pod] = {}
        self._unseen: Problem | None = Problem("PodsUnseen", "the pods have not been listed yet")
        self._workload: Workload | None = None
        self._no_workload = Problem("WorkloadUnread", "the StatefulSet has not been read yet")
        self._last: Verdict | None = None

    async def verdicts(self) -> AsyncGenerator[Verdict]:
        """Verdicts without end; closing the generator ends every task and request it started."""
        for source in (self._know_workload(), self._watch_pods(), self._tick()):
            self._start(source)
        try:
            while True:
                item = await self._out.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
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

    async def _know_workload(self) -> None:
        while self._workload is None:
            try:
                self._workload = await self._fetch_workload()
            except WorkloadUnfit as error:
                self._no_workload = Problem("WorkloadUnfit", str(error))
            except SubjectNotReady as error:
                self._no_workload = Problem("WorkloadUnread", str(error))
            except ClusterUnreachable as error:
                self._no_workload = Problem("ApiUnreachable", f"the API server does not answer: {error}")
            if self._workload is None:
                await asyncio.sleep(self._pace.period)
        self._ask_members()

    async def _watch_pods(self) -> None:
        async for view in self._context.cluster.watch_pods(self._context.namespace, SELECTOR):
            self._saw(view)
        raise RuntimeError("the pod watch ended")

    async def _tick(self) -> None:
        due = self._clock()
        while True:
            self._ask_members()
            self._emit(self._judge())
            due = max(due + self._pace.period, self._clock())
            await asyncio.sleep(due - self._clock())

    def _saw(self, view: PodView) -> None:
        if view.pods is None:
            self._unseen = Problem("ApiUnreachable", f"the API server does not answer: {view.error}")
        else:
            self._unseen = None
            before = {pod.uid: pod for pod in self._pods.values()}
            self._pods = dict(view.pods)
            for pod in self._pods.values():
                if before.pop(pod.uid, None) != pod:
                    self._book.pod_changed(pod.uid, self._clock())
            for uid in before:
                self._book.forget(uid)
        self._emit(self._judge())
        self._ask_members()

    def _ask_members(self) -> None:
        names = member_names(self._workload) if self._workload is not None else ()
        self._poll.ask_all(self._pods[name] for name in names if name in self._pods)

    def _heard(self, uid: str, question: Question, reply: Reply) -> None:
        self._book.note(uid, question, reply)
        verdict = self._judge()
        if self._last is None or _substance(verdict) != _substance(self._last):
            self._emit(verdict)

    def _judge(self) -> Verdict:
        at = self._context.now()
        uids = {name: pod.uid for name, pod in sorted(self._pods.items())}
        if self._unseen is not None:
            return unknown(at, self._unseen, uids)
        if self._workload is not None:
            since = self._clock() - self._pace.max_age
            return judge(at, Evidence(self._workload, self._pods, lambda uid: self._book.fresh(uid, since)))
        if self._no_workload.reason == "WorkloadUnfit":
            return Verdict(at, serving=False, whole=False, problems=(self._no_workload,), members=uids)
        return unknown(at, self._no_workload, uids)

    def _emit(self, verdict: Verdict) -> None:
        self._last = verdict
        self._out.put_nowait(verdict)


def _substance(verdict: Verdict) -> object:
    """A verdict without its instant and its wording."""
    problems = {(problem.reason, problem.member) for problem in verdict.problems}
    return verdict.serving, verdict.whole, problems
