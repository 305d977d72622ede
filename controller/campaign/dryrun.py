"""A dry run: the plans of the first trials, as the subject stands now. It touches nothing and makes no attempt."""

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
    """A trial could not be planned as the subject stands now; the text says why."""


async def plan_trials(subject: EvalSubject, spec: CampaignSpec, params: BaseModel) -> tuple[Plan, ...]:
    """Returns the plans of the first trials, each with the trial's own seed. Raises NoPlan."""
    limit = spec.deadlines.inject_seconds
    plans: list[Plan] = []
    for trial in range(1, min(spec.trials, PLANNED_TRIALS) + 1):
        seed = trial_seed(spec.seed, trial)
        try:
            async with asyncio.timeout(limit):
                fault = await plan_fault(subject, spec.chaos.type, params, seed, no_report)
                plans.append(plan_of(trial, seed, fault))
        except TimeoutError:
            raise NoPlan(f"trial {trial} could not be planned within {limit:g} s") from None
        except (SubjectError, ClusterError) as error:
            raise NoPlan(f"trial {trial} could not be planned as the subject stands now: {error}") from error
    return tuple(plans)


def plan_of(trial: int, seed: int, fault: Fault) -> Plan:
    """Returns a fault as the status shows it. Pure."""
    first, *others = fault.targets
    facts = {"uid": first.uid} | dict(fault.params) | dict(first.facts)
    if known := {each.name: dict(each.facts) for each in others if each.facts}:
        facts["others"] = known
    text = ", ".join(f"{name}={value}" for name, value in facts.items())
    return Plan(trial=trial, seed=seed, chaos=fault.chaos, target=truncate(fault.names, 253), facts=truncate(text, 128))
