"""`run --versus`: from one campaign with an agent, the two arms of an experiment that take turns. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from controller.api import CampaignSpec, Mode
from controller.cli.run.asking import Asked, spec_of
from controller.cli.run.errors import UsageError
from controller.cli.run.naming import MOST

Json = Any
BASELINE, VARIANT, AGENT = "baseline", "variant", "agent"
"""The names of arms. The campaign that is asked for is the arm `agent`; the other one is of one of the other two."""

SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Versus:
    """Two campaigns that differ in who acts. `arm` is the other one's, and ends its name; both have the same `seed`."""

    asked: Asked
    other: Asked
    arm: str
    seed: int

    @property
    def room(self) -> int:
        """Characters of the asked campaign's name, at most: the other one's is longer."""
        return MOST - len(self.arm) - 1

    def other_name(self, name: str) -> str:
        """What the other campaign is called."""
        return f"{name}-{self.arm}"

    def specs(self, name: str) -> tuple[dict[str, Json], dict[str, Json]]:
        """The specs as they are sent, of a campaign of this name and of the other one."""
        return _spec(self.asked, name, AGENT, self.seed), _spec(self.other, name, self.arm, self.seed)


def versus(
    asked: Asked,
    against: str,
    agent: str | None,
    name: str | None,
    draw: Callable[[int], int] = secrets.randbelow,
) -> Versus:
    """Read `--versus` and `--versus-agent`. UsageError, with a sentence, where the two would not be an experiment."""
    arm, _, variant = against.partition("=")
    if not re.fullmatch(rf"{BASELINE}|{VARIANT}=.+", against):
        raise UsageError(f"--versus takes baseline or variant=NAME, and {against!r} is neither")
    if asked.mode is not Mode.AGENT:
        raise UsageError("--versus puts an agent against something: it goes with neither --baseline nor --control")
    if arm == BASELINE and agent is not None:
        raise UsageError("--versus-agent goes with --versus variant=NAME: in a baseline nobody acts")
    other = _baseline(asked) if arm == BASELINE else _variant(asked, variant, agent)
    spec, read = spec_of(asked)
    _require_opponents(read, spec_of(other)[1], arm)
    if "interleave" in spec:
        raise UsageError("--versus sets spec.interleave itself")
    made = Versus(asked, other, arm, spec.get("seed", draw(SEEDS)))
    if name is not None and len(name) > made.room:
        raise UsageError(f"--name may have {made.room} characters at most: the other campaign is called NAME-{arm}")
    return made


def keeps_still(made: Versus) -> str | None:
    """What must be said where the agent is there by itself, and not only for its own trials."""
    if made.asked.agent is not None:
        return None
    return (
        "The controller does not start this agent: see to it that it keeps still in the trials of the other campaign, "
        f"or those are no {made.arm}. With --agent it is there for its own trials only."
    )


def _baseline(asked: Asked) -> Asked:
    """Nobody acts: nothing is read of the agent, and its Deployment, where it is ours to start, is kept away."""
    return replace(asked, mode=Mode.BASELINE, variant=None, model=None, source=None, agent_db=None)


def _variant(asked: Asked, variant: str, agent: str | None) -> Asked:
    """Another agent, so another name of it; what was said of the model was said of the first."""
    if asked.agent_db is not None:
        raise UsageError("two variants cannot share one operator.db: --agent-db goes with --versus baseline only")
    if (asked.agent is None) != (agent is None):
        raise UsageError("the controller starts both variants or neither: --agent and --versus-agent go together")
    if asked.agent is not None and agent is not None and asked.agent.partition("/")[0] == agent.partition("/")[0]:
        raise UsageError(
            f"--agent {asked.agent} and --versus-agent {agent} are in one namespace, which holds the token of one "
            "campaign only: give each variant a namespace of its own"
        )
    return replace(asked, variant=variant, model=None, agent=agent)


def _require_opponents(first: CampaignSpec, second: CampaignSpec, arm: str) -> None:
    """`--set` may have undone what makes the two differ."""
    if first.mode is not Mode.AGENT or second.mode is not (Mode.BASELINE if arm == BASELINE else Mode.AGENT):
        raise UsageError("--set mode does not go with --versus, which sets it")
    if arm == VARIANT and first.variant.name == second.variant.name:
        name = first.variant.name
        raise UsageError(f"both campaigns would be the variant {name!r}: --versus variant=… names another")


def _spec(asked: Asked, group: str, arm: str, seed: int) -> dict[str, Json]:
    spec: Mapping[str, Json] = spec_of(asked)[0]
    return {**spec, "seed": seed, "interleave": {"group": group, "arm": arm}}
