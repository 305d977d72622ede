"""etcd's oracle: what is queried, and from the results to serving, healthy and every unmet condition.

*Serving*: a member names a leader, and a write went through some member. A client that tries the members in turn, as
etcd's own clients do, would see the same: one member that does not answer costs it nothing.

*Healthy*: serving; every expected pod present, staying, Ready and with the image that it had; every member reports
itself healthy, without errors and alarms, is no learner, names the same leader and lists exactly the expected members.

*Unknown* is only what our own view lost. First, the API server. Then every member's HTTP, while Kubernetes calls all
pods Ready. A single silent member is the subject's trouble, because our way to the others is open; and where not all
pods are Ready, silence is the subject's trouble too, or breaking everything would hide the damage. Last, for an
instant, results that are still on their way: after the watch began, or after a pod changed and its earlier results
became void. Trouble is claimed only on evidence of trouble, because it may be taken for the fault's effect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from subjects.cluster import Pod, Workload
from subjects.etcd.api import (
    SELECTOR,
    EtcdPollSettings,
    EtcdQuery,
    Status,
    accepted,
    health_problem,
    read_members,
    read_status,
    refusal,
    send_query,
)
from subjects.images import KnownImages
from subjects.pods import member_names, pod_problems
from subjects.protocol import Problem, SubjectContext, Verdict
from subjects.watching.polling import QueryResult, RecentResults
from subjects.watching.stream import Pods, unknown_verdict

Results = Mapping[EtcdQuery, QueryResult]
"""The results of one member, by query."""

ORACLE_VERSION = "etcd/2"
"""Raised whenever the meaning of a verdict changes: results of different oracles are not compared."""

MEMBER = "member"
"""The one role that pods have."""


class EtcdProber:
    """A `HealthProber`: every member is sent every query.

    `workload` fetches the StatefulSet, or remembers it. `images` are the images that its pods should have; None where
    they are not known yet, and then images are not compared.
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
        """Seconds between two polls."""
        return self._polling.period

    async def discover(self) -> None:
        """Reads the StatefulSet."""
        self._workload = await self._fetch_workload()

    def background_tasks(self, on_change: Callable[[], None]) -> tuple[Coroutine[Any, Any, None], ...]:
        """Returns none."""
        return ()

    def queries(self, pods: Pods, recent: RecentResults[EtcdQuery]) -> Iterator[tuple[Pod, EtcdQuery]]:
        """Returns every query for every member that should exist and does."""
        assert self._workload is not None, "queries are due before discovery"
        for name in member_names(self._workload):
            if name in pods[MEMBER]:
                yield from ((pods[MEMBER][name], query) for query in EtcdQuery)

    def follow_ups(
        self, query: EtcdQuery, pods: Pods, recent: RecentResults[EtcdQuery]
    ) -> tuple[tuple[Pod, EtcdQuery], ...]:
        """Returns none: no query depends on the result of another."""
        return ()

    async def send(self, pod: Pod, query: EtcdQuery) -> QueryResult:
        """Sends one query to one member."""
        return await send_query(self._context, pod, query, self._polling.timeout_of(query))

    def assess(self, pods: Pods, recent: RecentResults[EtcdQuery]) -> Verdict:
        """Returns the verdict on results that still hold."""
        assert self._workload is not None, "assessed before discovery"
        images = self._images.add(pods[MEMBER].values()) if self._images is not None else {}
        max_age = self._polling.max_age
        observations = EtcdObservations(self._workload, pods[MEMBER], lambda uid: recent.of_pod(uid, max_age), images)
        return assess(self._context.now(), observations)


@dataclass(frozen=True, slots=True)
class EtcdObservations:
    """What is known at one instant.

    `pods` are as last seen. `results` returns the results of a pod's uid that still hold. `images`, by pod uid, are
    those that the pod had, see `subjects/images.py`.
    """

    workload: Workload
    pods: Mapping[str, Pod]
    results: Callable[[str], Results]
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def assess(at: datetime, observations: EtcdObservations) -> Verdict:
    """Returns the verdict on the observations. Pure; the pods must have been seen."""
    names = member_names(observations.workload)
    present = {name: observations.pods[name] for name in names if name in observations.pods}
    results = {name: observations.results(pod.uid) for name, pod in present.items()}
    uids = {name: pod.uid for name, pod in present.items()}

    pod_trouble = pod_problems(observations.workload, present, observations.images)
    if not pod_trouble and not any(_answered(of_member) for of_member in results.values()):
        errors = sorted({_last_error(of_member) for of_member in results.values()})
        return unknown_verdict(at, Problem("MembersUnseen", f"no member answers us: {', '.join(errors)}"), uids)

    statuses = {name: status for name, of_member in results.items() if (status := _status(of_member)) is not None}
    member_trouble = tuple(problem for name in present for problem in _member_problems(name, names, results[name]))
    trouble = pod_trouble + member_trouble + tuple(_leader_disputes(statuses))
    awaited = tuple(
        Problem("MemberUnseen", f"{name} has not answered yet", name)
        for name, of_member in results.items()
        if not _is_complete(of_member)
    )
    service_trouble = tuple(_service_problems(results, statuses))
    # A member that is Ready and has not answered yet may still take the write: our delay is no evidence against it.
    may_serve = any(pod.ready and not _is_complete(results[name]) for name, pod in present.items())
    serving = True if not service_trouble else None if may_serve else False
    healthy = False if trouble or serving is False else None if awaited else True
    problems = (service_trouble if serving is False else ()) + trouble + awaited
    return Verdict(at, serving=serving, healthy=healthy, problems=problems, members=uids)


def _is_complete(results: Results) -> bool:
    return len(results) == len(EtcdQuery)


def _answered(results: Results) -> bool:
    return any(result.answer is not None for result in results.values())


def _last_error(results: Results) -> str:
    """Returns why a member did not answer: the latest error, if it was queried at all."""
    in_order = sorted(results.values(), key=lambda result: result.sent_at)
    errors = [result.error for result in in_order if result.answer is None]
    return errors[-1] if errors else "no answer yet"


def _status(results: Results) -> Status | None:
    result = results.get(EtcdQuery.STATUS)
    return read_status(result.answer) if result is not None and result.answer is not None else None


def _service_problems(results: Mapping[str, Results], statuses: Mapping[str, Status]) -> Iterator[Problem]:
    if not any(status.leader for status in statuses.values()):
        yield Problem("NoLeader", "no member knows a leader")
    writes = [of_member[EtcdQuery.WRITE] for of_member in results.values() if EtcdQuery.WRITE in of_member]
    if not any(write.answer is not None and accepted(write.answer) for write in writes):
        why = sorted({write.error if write.answer is None else refusal(write.answer) for write in writes})
        yield Problem("WriteFailed", f"no write goes through: {', '.join(why) or 'no answer yet'}")


def _member_problems(name: str, expected: tuple[str, ...], results: Results) -> Iterator[Problem]:
    """Returns what is wrong by the results there are; a query in flight is no problem of the member."""
    if not _answered(results):
        if _is_complete(results):
            error = _last_error(results).removeprefix(f"{name}: ")
            yield Problem("MemberSilent", f"{name} does not answer: {error}", name)
        return
    if (health := results.get(EtcdQuery.HEALTH)) is not None:
        why = health_problem(health.answer) if health.answer is not None else health.error
        if why is not None:
            yield Problem("MemberUnhealthy", f"{name} is not healthy: {why}", name)
    if EtcdQuery.STATUS in results:
        yield from _status_problems(name, _status(results))
    if (listed := results.get(EtcdQuery.MEMBERS)) is not None:
        members = read_members(listed.answer) if listed.answer is not None else None
        if members is None:
            yield Problem("MembershipUnread", f"{name} does not list the members", name)
        elif members != tuple(sorted(expected)):
            seen = ", ".join(member or "(one never started)" for member in members)
            yield Problem("MembershipDiffers", f"{name} lists the members {seen or '(none)'}", name)


def _status_problems(name: str, status: Status | None) -> Iterator[Problem]:
    if status is None:
        yield Problem("MemberStatusUnread", f"{name} does not tell its status", name)
        return
    # Without a leader etcd lists that among its errors; once is enough.
    if status.leader is None:
        yield Problem("MemberLeaderless", f"{name} knows no leader", name)
    elif status.errors:
        yield Problem("MemberErrors", f"{name} reports {', '.join(status.errors)}", name)
    if status.learner:
        yield Problem("MemberIsLearner", f"{name} is a learner, without a vote", name)


def _leader_disputes(statuses: Mapping[str, Status]) -> Iterator[Problem]:
    leaders = {status.leader for status in statuses.values() if status.leader is not None}
    if len(leaders) > 1:
        yield Problem("LeaderDisputed", "the members name different leaders")
