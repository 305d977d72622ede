"""A dry run: what the first trials would hit if they ran now. It plans, touches nothing, and leaves no attempt."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from controller.api import PLANNED_TRIALS, CampaignSpec, Plan
from controller.attempt.attempt import trial_seed
from controller.attempt.injection import plan_fault
from controller.text import truncate
from subjects.cluster import ClusterError
from subjects.protocol import EvalSubject, Fault, SubjectError, no_report


class NoPlan(Exception):
    """As the subject stands now, a trial of it could not even be planned; the text says why."""


async def plan_trials(subject: EvalSubject, spec: CampaignSpec, params: BaseModel) -> tuple[Plan, ...]:
    """The plans of the first trials, each with its own seed, as the trial itself would make it. Raises NoPlan."""
    limit = spec.deadlines.inject_seconds
    made: list[Plan] = []
    for trial in range(1, min(spec.trials, PLANNED_TRIALS) + 1):
        seed = trial_seed(spec.seed, trial)
        try:
            async with asyncio.timeout(limit):
                made.append(plan_of(trial, seed, await plan_fault(subject, spec.chaos.type, params, seed, no_report)))
        except TimeoutError:
            raise NoPlan(f"trial {trial} could not be planned within {limit:g} s") from None
        except (SubjectError, ClusterError) as error:
            raise NoPlan(f"trial {trial} could not be planned as the subject stands now: {error}") from error
    return tuple(made)


def plan_of(trial: int, seed: int, fault: Fault) -> Plan:
    """A fault as the status shows it. Pure."""
    first, *others = fault.targets
    facts = {"uid": first.uid} | dict(fault.params) | dict(first.facts)
    if known := {each.name: dict(each.facts) for each in others if each.facts}:
        facts["others"] = known
    text = ", ".join(f"{name}={value}" for name, value in facts.items())
    return Plan(trial=trial, seed=seed, chaos=fault.chaos, target=truncate(fault.names, 253), facts=truncate(text, 128))


def in_a_sentence(plans: tuple[Plan, ...], trials: int) -> str:
    """The plans for a message, which stays short enough to be repeated in every condition."""
    which = f"the first {len(plans)} of {trials} trials" if len(plans) < trials else f"its {trials} trials"
    return truncate(
        f"nothing was touched; as it stands now, {which} hit {', '.join(plan.target for plan in plans)}", 400
    )
