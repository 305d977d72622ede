"""Plan, apply and undo, the same for every type of pod chaos. All guards against breaking the wrong thing are here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from random import Random
from typing import TypeVar

from subjects.cluster import ClusterError, Pod, Workload
from subjects.podchaos.base import IMAGES, PodChaos
from subjects.pods import images_differ
from subjects.protocol import ChaosRefused, Fault, SubjectContext, SubjectError, Target
from subjects.workloads import delete_broken_pod

Listing = Callable[[], Awaitable[Mapping[str, Pod]]]
"""Lists the pods among which the target is, by name."""

C = TypeVar("C")


def chaos_named(subject: str, offered: Mapping[str, C], name: str) -> C:
    """The chaos of that name. SubjectError with the names there are."""
    if name not in offered:
        raise SubjectError(f"{subject} has no chaos {name!r}; there are: {', '.join(sorted(offered))}")
    return offered[name]


def choose(
    candidates: Sequence[str], workload: Workload, pods: Mapping[str, Pod], rng: Random, how_many: int = 1
) -> list[Pod]:
    """The targets, drawn from the names that should exist, so that the same seed meets the same members.

    The first is drawn as if it were the only one. ChaosRefused where there are not so many, or where the pod of one is
    missing or going: breaking another one instead would be another trial.
    """
    if how_many > len(candidates):
        raise ChaosRefused(f"{how_many} targets are asked for, and there are only {', '.join(candidates)}")
    first = rng.choice(candidates)
    others = rng.sample([name for name in candidates if name != first], how_many - 1)
    return [_as_wanted(name, workload, pods.get(name)) for name in (first, *others)]


def _as_wanted(name: str, workload: Workload, pod: Pod | None) -> Pod:
    if pod is None or pod.deleting or images_differ(pod, workload.images):
        raise ChaosRefused(f"the target {name} is not there as its StatefulSet wants it")
    return pod


async def inject(context: SubjectContext, chaos: PodChaos, fault: Fault, pods: Listing) -> datetime:
    """Apply the plan if its targets are untouched, to all of them at once; when the requests were sent (UTC).

    A pod that is already going accepts a second delete as if it were the first, and that time would be a lie. So every
    target is looked at before any is touched, and the uids guard what happens between the look and the requests.
    ChaosRefused only where not one request was accepted.
    """
    there = await pods()
    for target in fault.targets:
        pod = there.get(target.name)
        if pod is None or pod.uid != target.uid:
            raise ChaosRefused(f"{target.name} is no longer the pod that the plan was made for")
        if pod.deleting or images_differ(pod, fault.undo[IMAGES]):
            raise ChaosRefused(f"{target.name} has been touched since the plan was made")
    sent_at = context.now()
    sent = (chaos.send(context, fault, target) for target in fault.targets)
    _judge(fault, await asyncio.gather(*sent, return_exceptions=True))
    return sent_at


def _judge(fault: Fault, answers: Sequence[BaseException | None]) -> None:
    """Return where every request was accepted; else raise what that means for the fault as a whole."""
    told = {target.name: answer for target, answer in zip(fault.targets, answers, strict=True) if answer is not None}
    for name, answer in told.items():
        if not isinstance(answer, ClusterError):
            raise answer
        if not 400 <= answer.status < 500:
            raise SubjectError(f"{name} may have been broken or not: {answer} (HTTP {answer.status})") from answer
    left_alone = "; ".join(f"{name} was left alone: {answer} (HTTP {_status(answer)})" for name, answer in told.items())
    if len(told) == len(answers):
        raise ChaosRefused(left_alone)
    if told:
        broken = ", ".join(target.name for target in fault.targets if target.name not in told)
        raise SubjectError(f"only {broken} of {fault.names} could be broken: {left_alone}")


def _status(answer: BaseException) -> int:
    return answer.status if isinstance(answer, ClusterError) else 0


class Residue(Enum):
    """What is left of a fault."""

    NONE = "nothing"
    GOING = "the pod is on its way"
    SWAPPED = "the pod is there, with another image"


def residue(fault: Fault, target: Target, pod: Pod | None) -> Residue:
    """What is left of the fault, given the pod that bears a target's name now. Pure; the same for every chaos.

    A pod with another uid was made anew from the template, and nothing of the fault is in it, whatever its image.
    With the old uid, the fault was either never applied, which looks like its being undone, or swapped the image.
    """
    if pod is None or pod.deleting:
        return Residue.GOING
    if pod.uid == target.uid and images_differ(pod, fault.undo[IMAGES]):
        return Residue.SWAPPED
    return Residue.NONE


async def cleanup(context: SubjectContext, fault: Fault, pods: Listing, period: float) -> None:
    """Undo the fault and return when nothing of it is left, looking each `period` seconds. The caller sets a limit."""
    while True:
        there = await pods()
        left = {target: residue(fault, target, there.get(target.name)) for target in fault.targets}
        if set(left.values()) == {Residue.NONE}:
            return
        for target, what in left.items():
            if what is Residue.SWAPPED:
                await delete_broken_pod(context, there[target.name])
        await asyncio.sleep(period)
