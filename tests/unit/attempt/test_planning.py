"""A trial's fault is drawn from the trial's seed alone."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from pydantic import BaseModel

from controller.attempt.injection import plan_fault
from subjects.cluster import ClusterUnreachable
from subjects.faulttype import CountParams
from subjects.protocol import EvalSubject, Fault, Target
from tests.support.virtual import run_virtually


class Subject:
    """Draws a member, and after that loses the API server in the first `outages` tries."""

    def __init__(self, outages: int) -> None:
        self._outages = outages

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        drawn = f"m-{rng.randrange(1000)}"
        if self._outages:
            self._outages -= 1
            raise ClusterUnreachable("no answer")
        return Fault(chaos, (Target(drawn, "uid"),), {})


def planned(outages: int) -> tuple[str, list[str]]:
    reasons: list[str] = []
    subject = cast(EvalSubject, Subject(outages))

    async def plan() -> Any:
        return await plan_fault(subject, "node_kill", CountParams(), 7, reasons.append)

    return run_virtually(plan()).names, reasons


def test_an_outage_while_it_is_planned_does_not_change_the_target() -> None:
    (target, none), (same, reasons) = planned(outages=0), planned(outages=3)
    assert target == same
    assert (none, reasons) == ([], ["no answer"] * 3)
