"""The moments of a campaign at which a controller may be killed: each just after something became a fact.

`watch_points` tells of every one of them as it passes. What is done then is the listener's: note it, kill the process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from controller.api import Outcome, Step
from controller.records import Records

Call = Callable[..., Awaitable[Any]]

LOCKED, OPENED, PLANNED, APPLIED, UNDONE, ENDED = "locked", "opened", "planned", "applied", "undone", "ended"
NO_POINTS = (Step.RECORD, Step.START_AGENT, Step.QUIET_PERIOD)
"""The first is committed as the end; the others only where there is an agent to start, or a quiet period."""
STEPS = [f"step {step.value}" for step in Step if step not in NO_POINTS]

HANDED = "handed over"
"""Between two arms that take turns; a campaign by itself never passes it."""

POINTS = [LOCKED, "phase Running", OPENED, *STEPS[:4], PLANNED, APPLIED, *STEPS[4:], UNDONE, ENDED, "phase Complete"]
"""In the order of an attempt. `step observe` commits the injection: between it and `applied` lies the doubt."""


@dataclass(frozen=True)
class Moment:
    """One of POINTS was passed, or HANDED; the id of its attempt where it has one, and the outcome where that ended."""

    point: str
    attempt: str | None = None
    outcome: str | None = None


def watch_points(subject: type, tell: Callable[[Moment], None]) -> None:
    """Have `tell` called, in this process, right after each point and before anything else happens."""
    moments: list[tuple[type, str, Callable[..., Moment | None]]] = [
        (Records, "acquire_locks", lambda *_: Moment(LOCKED)),
        (Records, "set_phase", lambda _, _records, _uid, phase, *_rest, **__: Moment(f"phase {phase.value}")),
        (Records, "transfer_locks", lambda handed, *_: Moment(HANDED) if handed else None),
        (Records, "open_attempt", lambda row, *_: Moment(OPENED, row.id)),
        (Records, "update", _updated),
        (Records, "end_attempt", _ended),
        (subject, "inject_chaos", lambda *_: Moment(APPLIED)),
        (subject, "cleanup_chaos", lambda *_: Moment(UNDONE)),
    ]
    for owner, name, moment in moments:
        setattr(owner, name, _telling(getattr(owner, name), moment, tell))


def die() -> None:
    """Without any farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent() -> None:
    """Die as soon as the process that started this one is dead, however it died. For a forked child only."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "nobody started this process"

    def follow() -> None:
        parent.join()
        die()

    threading.Thread(target=follow, daemon=True).start()


def _updated(_: None, _records: Records, id_: str, step: Step | None = None, **facts: Any) -> Moment | None:
    point = f"step {step.value}" if step else PLANNED if "fault" in facts else None
    return Moment(point, id_) if point else None


def _ended(written: bool, _records: Records, id_: str, outcome: Outcome, **_: Any) -> Moment | None:
    return Moment(ENDED, id_, outcome.value) if written else None


def _telling(call: Call, moment: Callable[..., Moment | None], tell: Callable[[Moment], None]) -> Call:
    async def then_tell(*args: Any, **kwargs: Any) -> Any:
        answer = await call(*args, **kwargs)
        if (passed := moment(answer, *args, **kwargs)) is not None:
            tell(passed)
        return answer

    return then_tell
