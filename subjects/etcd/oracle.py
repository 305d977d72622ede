"""The judgement: from what was seen of pods and members to serving, healthy and every unmet condition. Pure.

*Serving*: a member names a leader, and a write went through some member. So would a client fare that tries the members
in turn, as etcd's own clients do; one member that does not answer costs it nothing.

*Healthy*: serving; every expected pod present, staying, Ready and with the image that it had; every member healthy by
its own word, free of errors and alarms, no learner, naming the same leader and listing exactly the expected members.

*Unknown* is only what our own sight lost. The API server, first. Then every member's HTTP, while Kubernetes calls all
pods Ready: a member that alone is silent is the subject's trouble, for we just saw that our way to the others is open;
and were the pods not all Ready, silence would be the subject's trouble too, or breaking everything would hide the
damage. Last, for an instant, answers that are still on their way: after we began to watch, or after a pod changed and
voided what was said before. Trouble is claimed only on evidence of trouble, for it may be taken for the fault's effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from subjects.cluster import Pod, Workload
from subjects.etcd.wire import Query, Status, accepted, health_problem, read_members, read_status, refusal
from subjects.pods import member_names, pod_problems
from subjects.protocol import Problem, Verdict
from subjects.watching.results import QueryResult
from subjects.watching.stream import unknown

Replies = Mapping[Query, QueryResult]
"""What one member said, by question."""

ORACLE_VERSION = "etcd/2"
"""Raised whenever the meaning of a verdict changes: results of different oracles are not compared."""


@dataclass(frozen=True, slots=True)
class Observations:
    """What is known at one instant: the workload, its pods as last seen, and the members' replies that still hold."""

    workload: Workload
    pods: Mapping[str, Pod]
    results: Callable[[str], Replies]
    """By pod uid."""
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By pod uid: the images that it had, see `subjects/images.py`."""


def assess(at: datetime, observations: Observations) -> Verdict:
    """The verdict on what is known; the pods must have been seen."""
    names = member_names(observations.workload)
    present = {name: observations.pods[name] for name in names if name in observations.pods}
    results = {name: observations.results(pod.uid) for name, pod in present.items()}
    uids = {name: pod.uid for name, pod in present.items()}

    of_pods = pod_problems(observations.workload, present, observations.images)
    if not of_pods and not any(_answered(held) for held in results.values()):
        reasons = sorted({_silence(held) for held in results.values()})
        return unknown(at, Problem("MembersUnseen", f"no member answers us: {', '.join(reasons)}"), uids)

    statuses = {name: status for name, held in results.items() if (status := _status(held)) is not None}
    of_members = tuple(problem for name in present for problem in _member_problems(name, names, results[name]))
    trouble = of_pods + of_members + tuple(_disputes(statuses))
    awaited = tuple(
        Problem("MemberUnseen", f"{name} has not answered yet", name)
        for name, held in results.items()
        if not _complete(held)
    )
    of_service = tuple(_service_problems(results, statuses))
    # Who is Ready and has not answered yet may still take the write: that we are late is no evidence against it.
    owed = any(pod.ready and not _complete(results[name]) for name, pod in present.items())
    serving = True if not of_service else None if owed else False
    healthy = False if trouble or serving is False else None if awaited else True
    problems = (of_service if serving is False else ()) + trouble + awaited
    return Verdict(at, serving=serving, healthy=healthy, problems=problems, members=uids)


def _complete(held: Replies) -> bool:
    return len(held) == len(Query)


def _answered(held: Replies) -> bool:
    return any(result.answer is not None for result in held.values())


def _sent_at(result: QueryResult) -> float:
    return result.sent_at


def _silence(held: Replies) -> str:
    """Why a member did not answer: the newest error, if it was asked at all."""
    errors = [
        result.error for result in sorted(held.values(), key=lambda result: result.sent_at) if result.answer is None
    ]
    return errors[-1] if errors else "no answer yet"


def _status(held: Replies) -> Status | None:
    result = held.get(Query.STATUS)
    return read_status(result.answer) if result is not None and result.answer is not None else None


def _service_problems(results: Mapping[str, Replies], statuses: Mapping[str, Status]) -> Iterator[Problem]:
    if not any(status.leader for status in statuses.values()):
        yield Problem("NoLeader", "no member knows a leader")
    writes = {name: held[Query.WRITE] for name, held in results.items() if Query.WRITE in held}
    if not any(result.answer is not None and accepted(result.answer) for result in writes.values()):
        why = sorted({result.error if result.answer is None else refusal(result.answer) for result in writes.values()})
        yield Problem("WriteFailed", f"no write goes through: {', '.join(why) or 'no answer yet'}")


def _member_problems(name: str, expected: tuple[str, ...], held: Replies) -> Iterator[Problem]:
    """What is wrong by the replies there are; a question that is still under way is no problem of the member."""
    if not _answered(held):
        if _complete(held):
            yield Problem("MemberSilent", f"{name} does not answer: {_silence(held).removeprefix(f'{name}: ')}", name)
        return
    if (health := held.get(Query.HEALTH)) is not None:
        why = health_problem(health.answer) if health.answer is not None else health.error
        if why is not None:
            yield Problem("MemberUnhealthy", f"{name} is not healthy: {why}", name)
    if Query.STATUS in held:
        yield from _status_problems(name, _status(held))
    if (listed := held.get(Query.MEMBERS)) is not None:
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


def _disputes(statuses: Mapping[str, Status]) -> Iterator[Problem]:
    leaders = {status.leader for status in statuses.values() if status.leader is not None}
    if len(leaders) > 1:
        yield Problem("LeaderDisputed", "the members name different leaders")
