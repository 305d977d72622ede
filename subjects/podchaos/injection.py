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
from subjects.protocol import ChaosRefused, Fault, SubjectContext, SubjectError
from subjects.workloads import delete_broken_pod

Listing = Callable[[], Awaitable[Mapping[str, Pod]]]
"""Lists the pods among which the target is, by name."""

C = TypeVar("C")


def chaos_named(subject: str, offered: Mapping[str, C], name: str) -> C:
    """The chaos of that name. SubjectError with the names there are."""
    if name not in offered:
        raise SubjectError(f"{subject} has no chaos {name!r}; there are: {', '.join(sorted(offered))}")
    return offered[name]


def choose(candidates: Sequence[str], workload: Workload, pods: Mapping[str, Pod], rng: Random) -> Pod:
    """The target, drawn from the names that should exist, so that the same seed meets the same member.

    ChaosRefused where that member's pod is missing or going: breaking another one instead would be another trial.
    """
    name = rng.choice(candidates)
    pod = pods.get(name)
    if pod is None or pod.deleting or images_differ(pod, workload.images):
        raise ChaosRefused(f"the target {name} is not there as its StatefulSet wants it")
    return pod


async def inject(context: SubjectContext, chaos: PodChaos, fault: Fault, pods: Listing) -> datetime:
    """Apply the plan if its target is untouched; when the accepted request was sent (UTC).

    A pod that is already going accepts a second delete as if it were the first, and that time would be a lie. So the
    target is looked at before, and the uid guards what happens between the look and the request.
    """
    pod = (await pods()).get(fault.target)
    if pod is None or pod.uid != fault.uid:
        raise ChaosRefused(f"{fault.target} is no longer the pod that the plan was made for")
    if pod.deleting or images_differ(pod, fault.undo[IMAGES]):
        raise ChaosRefused(f"{fault.target} has been touched since the plan was made")
    sent_at = context.now()
    try:
        await chaos.send(context, fault)
    except ClusterError as error:
        if 400 <= error.status < 500:
            raise ChaosRefused(f"{fault.target} was left alone: {error} (HTTP {error.status})") from error
        raise SubjectError(f"{fault.target} may have been broken or not: {error} (HTTP {error.status})") from error
    return sent_at


class Residue(Enum):
    """What is left of a fault."""

    NONE = "nothing"
    GOING = "the pod is on its way"
    SWAPPED = "the pod is there, with another image"


def residue(fault: Fault, pod: Pod | None) -> Residue:
    """What is left of the fault, given the pod that bears the target's name now. Pure; the same for every chaos.

    A pod with another uid was made anew from the template, and nothing of the fault is in it, whatever its image.
    With the old uid, the fault was either never applied, which looks like its being undone, or swapped the image.
    """
    if pod is None or pod.deleting:
        return Residue.GOING
    if pod.uid == fault.uid and images_differ(pod, fault.undo[IMAGES]):
        return Residue.SWAPPED
    return Residue.NONE


async def cleanup(context: SubjectContext, fault: Fault, pods: Listing, period: float) -> None:
    """Undo the fault and return when nothing of it is left, looking each `period` seconds. The caller sets a limit."""
    while True:
        pod = (await pods()).get(fault.target)
        left = residue(fault, pod)
        if left is Residue.NONE:
            return
        if left is Residue.SWAPPED and pod is not None:
            await delete_broken_pod(context, pod)
        await asyncio.sleep(period)
