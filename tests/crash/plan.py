"""Which kills a run consists of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from tests.crash.counting import FAULT_VERB
from tests.crash.killing import TRIALS, Kill
from tests.crash.mortal import APPLYING, Death, points
from tests.support.points import LOCKED

CHAOS = tuple(FAULT_VERB)

ONCE = (LOCKED, "phase Running", "phase Complete")
"""Points that a campaign passes once; the others, once a trial."""

LONGEST_DELAY = 0.006
"""Seconds into a request at which its sender dies, at most: it takes the API server about as long to answer."""


def every_point() -> list[str]:
    """All points of all kinds of chaos, in the order of an attempt."""
    longest = max((points(chaos) for chaos in CHAOS), key=len)
    return list(longest)


def plan(rounds: int, seed: int, wanted: Sequence[str] = ()) -> Iterator[Kill]:
    """Each point `rounds` times with each chaos, the trial in turn; with `wanted`, only those points."""
    rng = Random(seed)
    number = 0
    for turn in range(rounds):
        for chaos in CHAOS:
            for point in points(chaos):
                number += 1
                delay = rng.uniform(0, LONGEST_DELAY)
                nth = 1 if point in ONCE else 1 + turn % TRIALS
                if not wanted or point in wanted:
                    yield Kill(chaos, Death(point, nth, delay), number, TRIALS)


def once() -> list[Kill]:
    """Each point once, with one trial. Where something is broken by then, by both kinds of chaos alternately."""
    kills = []
    order = every_point()
    for number, point in enumerate(order, 1):
        having = [chaos for chaos in CHAOS if point in points(chaos)]
        broken = order.index(point) >= order.index(APPLYING)
        chaos = having[number % len(having)] if broken else having[0]
        kills.append(Kill(chaos, Death(point, delay=LONGEST_DELAY / 2), number, trials=1))
    return kills
