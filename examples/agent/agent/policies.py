"""The policies. Pure: an observation and a memory go in, actions come out, in order.

A new policy is a function here and its name in `POLICIES`. Its arguments are the observation, the memory after it, the
seconds for which a symptom must last before it counts, and a random number from 0 to 1 that is drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .actions import Action, CloseTicket, DeletePod, ListPods, OpenTicket
from .memory import Memory
from .observer import Member, Observation

Policy = Callable[[Observation, Memory, float, float], Iterator[Action]]

STEADY_SECONDS = 3.0
"""A ticket is closed after so long without symptoms, because a member that has just started may fail again."""

STUCK_SECONDS = 30.0
"""A pod that has had symptoms for so long does not recover by itself. Elections and restarts take less."""

LIAR_SECONDS = 1.0
"""The time from the liar's ticket to its claim of a resolution."""

WRECKER_PAUSE_SECONDS = 5.0
"""The least time between two deletions by the wrecker."""

JUMPY_TICKET_CHANCE = 0.15
"""The probability that `jumpy` opens a ticket at an observation. It closes it after `STEADY_SECONDS`."""


def fixer(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Detects, deletes the stuck pod, and resolves its ticket once there have been no symptoms for a while."""
    if memory.ticket_since is None:
        if not _is_ticket_due(seen, memory, patience):
            return
        yield _ticket(seen)
        yield ListPods("Something is wrong. Which pods are there, and how are they?")
    if (stuck := _stuck(seen, memory)) is not None:
        why = (
            "It runs another image than its StatefulSet wants"
            if stuck.image_differs
            else "It does not come back by itself"
        )
        yield DeletePod(stuck.name, _uid(stuck), f"{why}; its StatefulSet makes a new one, with the same volume.")
    elif memory.seconds_healthy(seen.at) >= STEADY_SECONDS:
        yield CloseTicket("the stuck pod was deleted" if memory.deleted_at is not None else "it came back by itself")


def watcher(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Detects and does nothing, like a monitor: its ticket is closed once there are no symptoms."""
    if _is_ticket_due(seen, memory, patience):
        yield _ticket(seen)
    elif memory.ticket_since is not None and memory.seconds_healthy(seen.at) >= STEADY_SECONDS:
        yield CloseTicket("it is seen no more", by_agent=False)


def liar(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Detects, lists pods, and claims a resolution without having done anything."""
    if memory.ticket_since is not None:
        if seen.at - memory.ticket_since >= LIAR_SECONDS:
            yield CloseTicket("the broken member was restarted and is healthy again")
    elif _is_ticket_due(seen, memory, patience):
        yield _ticket(seen)
        yield ListPods("Something is wrong. I will have it fixed in a moment.")


def sleeper(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Never detects anything."""
    yield from ()


def jumpy(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Opens tickets at random, whether or not something is wrong, and closes them soon."""
    if memory.ticket_since is not None:
        if seen.at - memory.ticket_since >= STEADY_SECONDS:
            yield CloseTicket("it looks fine after all")
    elif chance < JUMPY_TICKET_CHANCE:
        suspect = seen.members[int(chance / JUMPY_TICKET_CHANCE * len(seen.members))]
        yield OpenTicket("pod_slow", suspect.name, f"{suspect.name} seems slow")


def wrecker(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Detects, and makes it worse: while there are symptoms, it deletes healthy pods one after another."""
    if memory.ticket_since is None:
        if not _is_ticket_due(seen, memory, patience):
            return
        yield _ticket(seen)
        yield ListPods("Something is wrong. Whose fault is it?")
    rested = memory.deleted_at is None or seen.at - memory.deleted_at >= WRECKER_PAUSE_SECONDS
    if seen.symptoms and rested and (victim := _victim(seen)) is not None:
        yield DeletePod(victim.name, _uid(victim), "A restart has never hurt.")


POLICIES: dict[str, Policy] = {
    "fixer": fixer,
    "watcher": watcher,
    "liar": liar,
    "sleeper": sleeper,
    "jumpy": jumpy,
    "wrecker": wrecker,
}


def _is_ticket_due(seen: Observation, memory: Memory, patience: float) -> bool:
    """Returns whether symptoms have lasted long enough and no ticket was opened about them yet."""
    unreported = memory.ticket_since is None and not memory.closed_early
    return unreported and bool(seen.symptoms) and memory.seconds_with_symptoms(seen.at) >= patience


def _ticket(seen: Observation) -> OpenTicket:
    first = seen.symptoms[0]
    return OpenTicket(first.kind, first.about, seen.summary)


def _stuck(seen: Observation, memory: Memory) -> Member | None:
    """Returns a pod that needs to be deleted and was not deleted yet, or None."""
    there = [each for each in seen.members if each.uid is not None and not each.terminating]
    mine = [each for each in there if each.uid not in memory.deleted]
    stuck = (each for each in mine if each.image_differs or memory.seconds_unhealthy(each, seen.at) >= STUCK_SECONDS)
    return next(stuck, None)


def _victim(seen: Observation) -> Member | None:
    """Returns a healthy pod, of the StatefulSet of the unhealthy one where possible, or None."""
    kinds = {member.workload for member in seen.members if seen.has_symptom(member)}
    well = [each for each in seen.members if each.uid is not None and not seen.has_symptom(each)]
    return min(well, key=lambda each: each.workload not in kinds, default=None)


def _uid(member: Member) -> str:
    assert member.uid is not None, "the member has a pod"
    return member.uid
