"""Follows campaigns while they run: prints event lines, and on a terminal a line with the current step."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from controller.analysis.moments import DURATIONS
from controller.api import CampaignStatus, CurrentAttempt, Phase, Rates, RecentAttempt
from controller.cli.cluster.campaigns import CampaignSnapshot
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.cli.tables import printable_text
from controller.printable import one_line

RECONNECT_SECONDS = 1.0
REDRAW_SECONDS = 0.5

HEARTBEAT_SECONDS = 10.0
"""A log repeats the line of a step that takes longer than this, which shows that the campaign still runs."""


# The lines about one campaign. Pure.


class EventLog:
    """Remembers which phases and outcomes of one campaign were printed already."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._printed: set[tuple[int, int]] = set()

    def new_lines(self, campaign: CampaignSnapshot) -> list[str]:
        """Returns a line for each phase and outcome that is new, in the order in which they happened."""
        status = campaign.status
        phase_line = str(status.phase) + (f": {status.message}" if status.message else "")
        return [phase_line if isinstance(each, Phase) else _outcome(campaign, each) for each in self._new(status)]

    def _new(self, status: CampaignStatus) -> list[Phase | RecentAttempt]:
        """Returns what is new: the last phase after the last attempt, any other phase before the attempts in it."""
        phase = [status.phase] if status.phase is not self._phase else []
        ended = [each for each in reversed(status.recent) if (each.trial, each.attempt) not in self._printed]
        self._phase = status.phase
        self._printed |= {(each.trial, each.attempt) for each in ended}
        return [*ended, *phase] if status.phase.terminal else [*phase, *ended]


def current_step(campaign: CampaignSnapshot) -> str:
    """Returns the trial and its step, without the time; empty between attempts."""
    current = campaign.status.current
    if current is None:
        return ""
    attempt = f", attempt {current.attempt}" if current.attempt > 1 else ""
    return f"trial {current.trial}/{campaign.trials}{attempt}: {current.step}"


def progress_line(campaign: CampaignSnapshot, now: datetime) -> str:
    """Returns trial, step, countdown and what the step waits for; between attempts the status' message."""
    current = campaign.status.current
    if current is None:
        return campaign.status.message
    message = f", {current.message}" if current.message else ""
    return f"{current_step(campaign)}{_countdown(current, now)}{message}"


def rate_lines(rates: Rates | None) -> list[str]:
    """Returns a line for each rate of a campaign, with its n."""
    if rates is None:
        return ["Nothing could be scored."]
    shares = [
        ("resolved", rates.resolved, rates.median_time_to_resolve, "median time to resolve"),
        ("recovered", rates.recovered, rates.median_time_to_recover, "median time to recover"),
        ("false alarms", rates.false_alarms, None, ""),
    ]
    lines = [
        f"{what} {share}" + (f", {name} {median}" if median else "") for what, share, median, name in shares if share
    ]
    detect = rates.median_time_to_detect
    return [*lines, *([f"median time to detect {detect}"] if detect else [])]


def _outcome(campaign: CampaignSnapshot, ended: RecentAttempt) -> str:
    attempt = f", attempt {ended.attempt}" if ended.attempt > 1 else ""
    durations = ((moment.happened, getattr(ended, moment.duration)) for moment in DURATIONS)
    after = "".join(f", {what} after {seconds}" for what, seconds in durations if seconds)
    why = f" ({ended.message})" if ended.message else ""
    on = f" on {ended.target}" if ended.target else ""
    return f"trial {ended.trial}/{campaign.trials}{attempt}{on}: {ended.outcome}{after}{why}"


def _countdown(current: CurrentAttempt, now: datetime) -> str:
    """Returns how long the step may still take; empty where it has no deadline."""
    if current.deadline is None:
        return ""
    left = (current.deadline - now).total_seconds()
    return f", at most {max(0, left):.0f} s left"


# The watch on one campaign.


@dataclass(frozen=True, slots=True)
class CampaignUpdate:
    """One of three: the campaign's new state, its deletion (`campaign` is None), or an error that hides it."""

    campaign: CampaignSnapshot | None = None
    error: str | None = None
    final: bool = False
    """Whether trying again is of no use, because the API server refused the watch."""


class CampaignWatch:
    """Watches one campaign in a thread. `open` starts a watch, which ends after a while and is then started again."""

    def __init__(self, open: Callable[[], Iterator[CampaignSnapshot | None]]) -> None:
        self._open = open
        self._changes: queue.Queue[CampaignUpdate] = queue.Queue()
        # A daemon thread: it may be waiting for the server when the command ends.
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, timeout: float) -> CampaignUpdate | None:
        """Returns the next change; None if none comes within `timeout` seconds."""
        try:
            return self._changes.get(timeout=timeout)
        except queue.Empty:
            return None

    def _read(self) -> None:
        pause = threading.Event()
        while True:
            try:
                for campaign in self._open():
                    self._changes.put(CampaignUpdate(campaign))
            except Refused as refused:
                self._changes.put(CampaignUpdate(error=str(refused), final=True))
                return
            except CommandFailed as error:
                self._changes.put(CampaignUpdate(error=str(error)))
            pause.wait(RECONNECT_SECONDS)


# Following several campaigns.


def follow(
    watched: Sequence[tuple[CampaignWatch, CampaignSnapshot]], display: Display, stall_seconds: float | None = None
) -> list[CampaignSnapshot]:
    """Shows campaigns until all have ended; returns their last states in the same order.

    Raises CommandFailed when one is deleted, or replaced by another of its name, or may not be watched any more, and
    when nothing changes for `stall_seconds`. While the API server does not answer, the display says so.
    """
    followed = [_Followed(watch, first, named=len(watched) > 1) for watch, first in watched]
    for each in followed:
        each.print_events(display)
    changed = time.monotonic()
    while any(not each.latest.status.phase.terminal for each in followed):
        for each in followed:
            before = each.latest
            if each.poll(REDRAW_SECONDS / len(followed)):
                each.print_events(display)
            if each.latest != before:
                changed = time.monotonic()
        error = next((each.error for each in followed if each.error), None)
        display.update([each.latest for each in followed], error)
        if stall_seconds is not None and time.monotonic() - changed > stall_seconds:
            running = " and ".join(each.latest.title for each in followed if not each.latest.status.phase.terminal)
            raise CommandFailed(f"Nothing changed in {running} for {stall_seconds:g} s{f': {error}' if error else ''}")
    return [each.latest for each in followed]


class _Followed:
    """A followed campaign: its latest state, and the error that hides it. `named`: lines begin with its name."""

    def __init__(self, watch: CampaignWatch, first: CampaignSnapshot, named: bool) -> None:
        self._watch = watch
        self._first = first
        self._named = named
        self._log = EventLog()
        self.latest = first
        self.error: str | None = None

    def poll(self, seconds: float) -> bool:
        """Waits so many seconds for a change; returns whether there is a new state."""
        if self.latest.status.phase.terminal or (change := self._watch.next(seconds)) is None:
            return False
        self.error = change.error
        if change.final:
            raise CommandFailed(str(change.error))
        if self.error is None:
            self.latest = _require_same(self._first, change.campaign)
        return self.error is None

    def print_events(self, display: Display) -> None:
        """Prints what is new."""
        for line in self._log.new_lines(self.latest):
            display.print_event(f"{self._first.name}: {line}" if self._named else line)


def _require_same(first: CampaignSnapshot, now: CampaignSnapshot | None) -> CampaignSnapshot:
    if now is None or now.uid != first.uid:
        raise CommandFailed(f"Campaign {first.title} was deleted; its records stay: evalcampaign trials {first.uid}")
    return now


# The displays.


class Display(Protocol):
    """Shows campaigns that run."""

    def print_event(self, line: str) -> None:
        """Prints a line that stays."""
        ...

    def update(self, campaigns: Sequence[CampaignSnapshot], error: str | None) -> None:
        """Shows the current steps, and the error that may make them outdated. Called at least every REDRAW_SECONDS."""
        ...


@contextmanager
def open_display(console: Console) -> Iterator[Display]:
    """Returns the display that suits the console: a terminal or a log."""
    if not console.is_terminal:
        yield PlainDisplay(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveDisplay(live)


class LiveDisplay:
    """A terminal: below the event lines, a line for each campaign that has not ended, drawn again and again."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._elapsed = ElapsedTime()

    def print_event(self, line: str) -> None:
        """Prints a line above those that are redrawn."""
        self._live.console.print(printable_text(f"{self._elapsed} {one_line(line)}"))

    def update(self, campaigns: Sequence[CampaignSnapshot], error: str | None) -> None:
        """Redraws the lines."""
        lines = [f"{self._elapsed} {one_line(line)}" for line in _progress_lines(campaigns).values()]
        drawn = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        if error:
            drawn = Text.assemble(drawn, "\n", (one_line(error), "yellow"))
        self._live.update(drawn, refresh=True)


class PlainDisplay:
    """A log: a line at every step, and the same again after HEARTBEAT_SECONDS."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._elapsed = ElapsedTime()
        self._steps: dict[str, str] = {}
        self._error: str | None = None
        self._printed_at = time.monotonic()

    def print_event(self, line: str) -> None:
        """Prints a line."""
        self._printed_at = time.monotonic()
        self._console.print(printable_text(f"{self._elapsed} {one_line(line)}"), soft_wrap=True)

    def update(self, campaigns: Sequence[CampaignSnapshot], error: str | None) -> None:
        """Prints the steps that are new, and the error."""
        lines, quiet = _progress_lines(campaigns), time.monotonic() - self._printed_at > HEARTBEAT_SECONDS
        for campaign in campaigns:
            step = current_step(campaign)
            if step and campaign.uid in lines and (quiet or step != self._steps.get(campaign.uid)):
                self.print_event(lines[campaign.uid])
            self._steps[campaign.uid] = step
        if error and error != self._error:
            self.print_event(error)
        self._error = error


class ElapsedTime:
    """Formats the time since it was made as minutes and seconds."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{minutes:2}:{seconds:02}"


def _progress_lines(campaigns: Sequence[CampaignSnapshot]) -> dict[str, str]:
    """Returns a line for each campaign that has not ended, by uid. Where there are several, it begins with the name."""
    now = datetime.now(UTC)
    return {
        each.uid: f"{each.name}: {progress_line(each, now)}" if len(campaigns) > 1 else progress_line(each, now)
        for each in campaigns
        if not each.status.phase.terminal
    }
