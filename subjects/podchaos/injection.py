"""Plan, apply and undo, the same for every type of pod chaos. All guards against breaking the wrong thing are here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from random import Random
from typing import TypeVar

from subjects.cluster import ClusterError, Pod
from subjects.permits import Inject, Revert, Voters
from subjects.podchaos.base import PodChaos
from subjects.podchaos.record import images_of, is_swapped
from subjects.pods import images_differ
from subjects.protocol import ChaosRefused, Fault, SubjectContext, SubjectError, Target
from subjects.workloads import list_pods

CLEANUP_GRACE_SECONDS = 1
"""For pods that are deleted to undo a fault: they hold no working member."""

Images = Mapping[str, Mapping[str, str]]
"""What is known of pods: by uid, container name to image."""

Listing = Callable[[], Awaitable[Mapping[str, Pod]]]
"""Lists the pods among which the target is, by name."""

C = TypeVar("C")


def chaos_named(subject: str, offered: Mapping[str, C], name: str) -> C:
    """The chaos of that name. SubjectError with the names there are."""
    if name not in offered:
        raise SubjectError(f"{subject} has no chaos {name!r}; there are: {', '.join(sorted(offered))}")
    return offered[name]


def choose(
    candidates: Sequence[str], pods: Mapping[str, Pod], known: Images, rng: Random, how_many: int = 1
) -> list[Pod]:
    """The targets, drawn from the names that should exist, so that the same seed meets the same members.

    The first is drawn as if it were the only one. ChaosRefused where there are not so many, or where the pod of one is
    missing, going or no longer as it was last seen healthy: breaking another one instead would be another trial.
    """
    if how_many > len(candidates):
        raise ChaosRefused(f"{how_many} targets are asked for, and there are only {', '.join(candidates)}")
    first = rng.choice(candidates)
    others = rng.sample([name for name in candidates if name != first], how_many - 1)
    return [_untouched(name, pods.get(name), known) for name in (first, *others)]


def _untouched(name: str, pod: Pod | None, known: Images) -> Pod:
    if pod is None or pod.deleting:
        raise ChaosRefused(f"the target {name} is not there")
    if images_differ(pod, known.get(pod.uid, {})):
        raise ChaosRefused(f"the target {name} does not have the image that it had when it was last seen healthy")
    return pod


async def inject(context: SubjectContext, chaos: PodChaos, fault: Fault, voters: Voters) -> datetime:
    """Apply the plan if its targets are untouched, to all of them at once; when the requests were sent (UTC).

    A pod that is already going accepts a second delete as if it were the first, and that time would be a lie. So every
    target is looked at before any is touched, and the uids guard what happens between the look and the requests.
    ChaosRefused only where not one request was accepted.
    """
    there = await list_pods(context, voters.selector)
    for target in fault.targets:
        pod = there.get(target.name)
        if pod is None or pod.uid != target.uid:
            raise ChaosRefused(f"{target.name} is no longer the pod that the plan was made for")
        if pod.deleting or images_differ(pod, images_of(fault, target)):
            raise ChaosRefused(f"{target.name} has been touched since the plan was made")
    permit = Inject(fault, voters)
    sent_at = context.now()
    sent = (chaos.send(context, permit, target) for target in fault.targets)
    _judge(fault, await asyncio.gather(*sent, return_exceptions=True))
    return sent_at


def _judge(fault: Fault, answers: Sequence[BaseException | None]) -> None:
    """Return where every request was accepted; else raise what that means for the fault as a whole.

    One that the guard did not let through was not sent, which is as clear a no as the API server's.
    """
    told = {target.name: answer for target, answer in zip(fault.targets, answers, strict=True) if answer is not None}
    for name, answer in told.items():
        if isinstance(answer, ChaosRefused):
            continue
        if not isinstance(answer, ClusterError):
            raise answer
        if not 400 <= answer.status < 500:
            raise SubjectError(f"{name} may have been broken or not: {answer} (HTTP {answer.status})") from answer
    left_alone = "; ".join(dict.fromkeys(_in_words(name, answer) for name, answer in told.items()))
    if len(told) == len(answers):
        raise ChaosRefused(left_alone)
    if told:
        broken = ", ".join(target.name for target in fault.targets if target.name not in told)
        raise SubjectError(f"only {broken} of {fault.names} could be broken: {left_alone}")


def _in_words(name: str, answer: BaseException) -> str:
    if isinstance(answer, ClusterError):
        return f"{name} was left alone: {answer} (HTTP {answer.status})"
    return str(answer)


class Residue(Enum):
    """What is left of a fault."""

    NONE = "nothing"
    GOING = "the pod is on its way"
    SWAPPED = "the pod is there, with the image that we put there"


def residue(fault: Fault, target: Target, pod: Pod | None) -> Residue:
    """What is left of the fault, given the pod that bears a target's name now. Pure; the same for every chaos.

    A pod with another uid was made anew by its StatefulSet, and nothing of the fault is in it, whatever its image.
    With the old uid, the fault was either never applied, which looks like its being undone, or swapped the image.
    A third image is neither the one nor the other: somebody else put it there, and it is left to them.
    """
    if pod is None or pod.deleting:
        return Residue.GOING
    return Residue.SWAPPED if is_swapped(fault, target, pod) else Residue.NONE


async def cleanup(context: SubjectContext, fault: Fault, selector: str, period: float) -> None:
    """Undo the fault and return when nothing of it is left, looking each `period` seconds. The caller sets a limit."""
    while True:
        there = await list_pods(context, selector)
        left = {target: residue(fault, target, there.get(target.name)) for target in fault.targets}
        if set(left.values()) == {Residue.NONE}:
            return
        for target, what in left.items():
            if what is Residue.SWAPPED:
                await delete_swapped_pod(context, Revert(fault, selector), target)
        await asyncio.sleep(period)


async def delete_swapped_pod(context: SubjectContext, permit: Revert, target: Target) -> None:
    """Delete exactly this pod, so that its StatefulSet makes it anew. One that is gone by now is as good as deleted."""
    try:
        await context.cluster.delete_pod(permit, context.namespace, target.name, target.uid, CLEANUP_GRACE_SECONDS)
    except ClusterError as error:
        if error.status not in (404, 409):
            raise SubjectError(f"{target.name} could not be deleted: {error}") from error
