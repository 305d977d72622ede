"""What happened when, in a story: the moments an oracle, and a client, depend on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .recordings import Story, View

Found = dict[str, float]
"""Seconds, or a count where the name says "most", by what happened. What did not happen is not in it."""


def milestones(story: Story) -> Found:
    """All there are. Changes that were there from the beginning do not count."""
    views = story.views
    found: Found = {}

    def note(what: str, times: Iterable[float | None]) -> None:
        """The first, and the last once all have happened."""
        known = [time for time in times if time is not None]
        every = list(times)
        if known:
            found[f"first {what}" if len(every) > 1 else what] = min(known)
        if len(known) == len(every) > 1:
            found[f"last {what}"] = max(known)

    _writes(story, found)
    lost = _lost(views)
    note("region led anew", [_led_anew(views, region, former)[0] for region, former in lost.items()])
    note("new leader named by PD", [_led_anew(views, region, former)[1] for region, former in lost.items()])
    # Where a silent store may have been seen late only, it is no sign of stubbornness.
    soon = max(2.0, story.poll)
    stubborn = {region: former for region, former in lost.items() if (_gives_up(views, region, former) or 0) > soon}
    if stubborn:
        note("old leader gives up", [_gives_up(views, region, former) for region, former in stubborn.items()])
        note("new leader sees two active", [_sees_two(views, region, former) for region, former in stubborn.items()])
    for state in ("Disconnected", "Down", "Up"):
        changed = [store for store in views[0].states if any(_turned(views, store, state))]
        note(f"store {state}", [next(iter(_turned(views, store, state))) for store in changed])
    found["regions with pending peers, most"] = max(view.pending for view in views)
    last = max((view.t for view in views if view.pending), default=None)
    if last is not None and last < views[-1].t:
        found["pending peers gone"] = min(view.t for view in views if view.t > last)
    found["regions with down peers, most"] = max(view.down for view in views)
    return found


def _writes(story: Story, found: Found) -> None:
    bad = [write for write in story.writes if write.t >= -1 and not write.ok]
    if story.writes and bad:
        good = [write for write in story.writes if write.ok]
        stopped = bad[0].t
        if stopped > 0 and any(write.t < stopped for write in good):
            found["writes stop"] = stopped
        again = [write.end for write in good if write.t > max(stopped, 0)]
        if again:
            found["writes go on"] = again[0]


def _lost(views: Sequence[View]) -> dict[int, str]:
    """Regions that lose their leader, or have none, and who led them."""
    first = views[0]
    return {
        region: former
        for region, former in first.named.items()
        if any(former not in view.believers.get(region, ()) for view in views)
    }


def _led_anew(views: Sequence[View], region: int, former: str) -> tuple[float | None, float | None]:
    """When another leader, or the same after a gap, believes in itself; and when PD names it."""
    gap, led = False, None
    for view in views:
        believers = view.believers.get(region, ())
        gap = gap or not believers
        new = [name for name in believers if gap or name != former]
        if new and led is None:
            led = view.t
        if new and view.named.get(region) in new:
            return led, view.t
    return led, None


def _gives_up(views: Sequence[View], region: int, former: str) -> float | None:
    return next((view.t for view in views if former not in view.believers.get(region, ())), None)


def _sees_two(views: Sequence[View], region: int, former: str) -> float | None:
    """How long after it first led a new leader counts two voters as active: after its first look at its quorum."""
    since = None
    for view in views:
        for name, (active, _) in view.active.get(region, {}).items():
            if name != former:
                since = view.t if since is None else since
                if active >= 2:
                    return view.t - since
    return None


def _turned(views: Sequence[View], store: str, state: str) -> list[float]:
    return [now.t for before, now in pairwise(views) if now.states.get(store) == state != before.states.get(store)]
