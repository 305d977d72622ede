"""What is done about what is seen. Pure: an observation and a memory go in, actions come out, in order.

A new policy is a function here and its name in `POLICIES`. Each gets the memory as it is after the look, the seconds of
patience it is to have, and a number drawn evenly from 0 to 1 for this look alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .actions import Action, CloseTicket, DeletePod, LookAtPods, OpenTicket
from .memory import Memory
from .observer import Member, Observation

Policy = Callable[[Observation, Memory, float, float], Iterator[Action]]

STEADY_SECONDS = 3.0
"""All must have been well for so long before a ticket is closed: a member that has just begun may fall back."""

STUCK_SECONDS = 30.0
"""A pod that is ill for so long does not come back by itself. Elections and restarts take less."""

HASTE_SECONDS = 1.0
"""So soon after its ticket does the liar call it resolved."""

AGAIN_SECONDS = 5.0
"""So often does the wrecker strike."""

JUMPS = 0.15
"""The jumpy one's chance of a ticket, each look; it thinks better of it after `STEADY_SECONDS`."""


def fixer(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Notices, deletes the pod that is stuck, and calls it resolved when all has been well for a while."""
    if memory.ticket_since is None:
        if not _noticed(seen, memory, patience):
            return
        yield _ticket(seen)
        yield LookAtPods("Something is wrong. Which pods are there, and how are they?")
    if (stuck := _stuck(seen, memory)) is not None:
        why = "It runs another image than its StatefulSet wants" if stuck.foreign else "It does not come back by itself"
        yield DeletePod(stuck.name, _uid(stuck), f"{why}; its StatefulSet makes a new one, with the same volume.")
    elif memory.well_for(seen.at) >= STEADY_SECONDS:
        yield CloseTicket("the stuck pod was deleted" if memory.deleted_at is not None else "it came back by itself")


def watcher(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Notices, and leaves it at that, as a monitor does: once nothing is wrong, its ticket closes by itself."""
    if _noticed(seen, memory, patience):
        yield _ticket(seen)
    elif memory.ticket_since is not None and memory.well_for(seen.at) >= STEADY_SECONDS:
        yield CloseTicket("it is seen no more", by_agent=False)


def liar(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Notices, looks, and calls it resolved without having done anything."""
    if memory.ticket_since is not None:
        if seen.at - memory.ticket_since >= HASTE_SECONDS:
            yield CloseTicket("the broken member was restarted and is healthy again")
    elif _noticed(seen, memory, patience):
        yield _ticket(seen)
        yield LookAtPods("Something is wrong. I will have it fixed in a moment.")


def sleeper(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Never notices anything."""
    yield from ()


def jumpy(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Opens tickets at random, whether or not something is wrong, and closes them soon."""
    if memory.ticket_since is not None:
        if seen.at - memory.ticket_since >= STEADY_SECONDS:
            yield CloseTicket("it looks fine after all")
    elif chance < JUMPS:
        suspect = seen.members[int(chance / JUMPS * len(seen.members))]
        yield OpenTicket("pod_slow", suspect.name, f"{suspect.name} seems slow")


def wrecker(seen: Observation, memory: Memory, patience: float, chance: float) -> Iterator[Action]:
    """Notices, and makes it worse: as long as something is wrong, it deletes pods that are well, one after another."""
    if memory.ticket_since is None:
        if not _noticed(seen, memory, patience):
            return
        yield _ticket(seen)
        yield LookAtPods("Something is wrong. Whose fault is it?")
    rested = memory.deleted_at is None or seen.at - memory.deleted_at >= AGAIN_SECONDS
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


def _noticed(seen: Observation, memory: Memory, patience: float) -> bool:
    """Whether a ticket is due: something has been wrong for long enough, and nothing was said of it yet."""
    unsaid = memory.ticket_since is None and not memory.answered
    return unsaid and bool(seen.symptoms) and memory.ill_for(seen.at) >= patience


def _ticket(seen: Observation) -> OpenTicket:
    first = seen.symptoms[0]
    return OpenTicket(first.sign, first.about, seen.in_words)


def _stuck(seen: Observation, memory: Memory) -> Member | None:
    """A pod that only a deletion helps, and that was not deleted yet."""
    there = [each for each in seen.members if each.uid is not None and not each.leaving]
    mine = [each for each in there if each.uid not in memory.deleted]
    stuck = (each for each in mine if each.foreign or memory.ailing_for(each, seen.at) >= STUCK_SECONDS)
    return next(stuck, None)


def _victim(seen: Observation) -> Member | None:
    """A pod that is well, of the same kind as the one that is not, where there is one."""
    kinds = {member.workload for member in seen.members if seen.ill(member)}
    well = [each for each in seen.members if each.uid is not None and not seen.ill(each)]
    return min(well, key=lambda each: each.workload not in kinds, default=None)


def _uid(member: Member) -> str:
    assert member.uid is not None  # there is such a pod: that is what was asked for
    return member.uid
