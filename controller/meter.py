"""The interface of metrics: one method for each thing that is counted, called where it happens.

The records report trials after the commit, so exactly what is on record is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from controller.api import Failure, Mode, Outcome, Step


class StatusWrite(StrEnum):
    """How a try to write a campaign's status went."""

    WRITTEN = "written"
    """Also where the campaign was gone: nothing is left to be done."""
    REFUSED = "refused"
    """The API server said no."""
    UNREACHABLE = "unreachable"
    """It did not answer, or could not serve the request."""
    BROKEN = "broken"
    """By a mistake of ours; the log has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt as it was closed, `at` its end. Times are seconds after the injection, None where it did not happen.

    `cleanup_failed`: its fault could not be undone.
    """

    id: str
    at: datetime
    subject: str
    chaos: str
    mode: Mode
    outcome: Outcome
    time_to_recover: float | None
    time_to_detect: float | None
    failure: Failure | None
    cleanup_failed: bool


class Meter(Protocol):
    """Counts what happens. Each method returns at once and raises nothing.

    All but `committed` are called in the event loop.
    """

    def step_entered(self, attempt: str, step: Step, at: datetime) -> None:
        """The attempt of this id entered a step, and so left the one before; never `record`, which is its end."""

    def attempt_ended(self, ended: EndedAttempt) -> None:
        """An attempt was closed, by whomever; each one once."""

    def committed(self, seconds: float) -> None:
        """A transaction was committed to the records, which took so long. Called in the thread that writes."""

    def status_write(self, result: StatusWrite, again: bool) -> None:
        """One try to write a status; `again` where the campaign's try before had failed."""

    def requested(self, verb: str, status: int | None) -> None:
        """A request to the API server is over; `status` is None where none came."""

    def agent_answered(self, status: int) -> None:
        """A request of an agent was answered with this HTTP status."""

    def lagged(self, seconds: float) -> None:
        """The event loop came back to somebody so much later than asked for."""


class Unmetered:
    """Nobody counts."""

    def step_entered(self, attempt: str, step: Step, at: datetime) -> None: ...
    def attempt_ended(self, ended: EndedAttempt) -> None: ...
    def committed(self, seconds: float) -> None: ...
    def status_write(self, result: StatusWrite, again: bool) -> None: ...
    def requested(self, verb: str, status: int | None) -> None: ...
    def agent_answered(self, status: int) -> None: ...
    def lagged(self, seconds: float) -> None: ...


UNMETERED = Unmetered()
