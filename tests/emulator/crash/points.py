"""The moments at which a controller is killed: each just after something became a fact, before anything else did."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from controller.api import Step
from controller.records import Records
from tests.support.lasting import LastingSubject

Call = Callable[..., Awaitable[Any]]

OPENED, PLANNED, APPLIED, UNDONE, ENDED = "opened", "planned", "applied", "undone", "ended"
STEPS = [f"step {step.value}" for step in Step if step not in (Step.RESET, Step.RECORD)]  # those two have no commit
PHASES = ["phase Running", "phase Complete"]
LOCKED = "locked"

POINTS = [LOCKED, "phase Running", OPENED, *STEPS[:3], PLANNED, APPLIED, *STEPS[3:], UNDONE, ENDED, "phase Complete"]
"""In the order of an attempt. `step observe` commits the injection: between it and `applied` lies the doubt."""


def die_at(point: str) -> None:
    """Have this process killed, without any farewell, at that point."""

    def deadly(call: Call, names: Callable[..., str | None]) -> Call:
        async def then_die(*args: Any, **kwargs: Any) -> Any:
            answer = await call(*args, **kwargs)
            if names(*args, **kwargs) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return then_die

    def learned(*_: Any, step: Step | None = None, **facts: Any) -> str | None:
        return f"step {step.value}" if step else PLANNED if "fault" in facts else None

    fatal: list[tuple[type, str, Callable[..., str | None]]] = [
        (Records, "take_lock", lambda *_: LOCKED),
        (Records, "set_phase", lambda _records, _uid, phase, *_, **__: f"phase {phase.value}"),
        (Records, "open_attempt", lambda *_: OPENED),
        (Records, "update", learned),
        (Records, "end_attempt", lambda *_, **__: ENDED),
        (LastingSubject, "inject_chaos", lambda *_: APPLIED),
        (LastingSubject, "cleanup_chaos", lambda *_: UNDONE),
    ]
    for owner, name, names in fatal:
        setattr(owner, name, deadly(getattr(owner, name), names))
