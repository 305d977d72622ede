"""`run --versus`: from one campaign with an agent, the two arms of an experiment that take turns. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from controller.api import CampaignSpec, Mode
from controller.cli.options import UsageError
from controller.cli.run.request import MOST, RunOptions, build_spec
from controller.jsontypes import Json

BASELINE, VARIANT, AGENT = "baseline", "variant", "agent"
"""The names of arms. The campaign that is asked for is the arm `agent`; the other one is of one of the other two."""

SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class ArmPair:
    """Two campaigns that differ in who acts. `arm` is that of the other, and ends its name; both have one `seed`."""

    options: RunOptions
    other: RunOptions
    arm: str
    seed: int

    @property
    def max_name_length(self) -> int:
        """The most characters that the first campaign's name may have, because the other's is longer."""
        return MOST - len(self.arm) - 1

    def other_name(self, name: str) -> str:
        """Returns the name of the other campaign."""
        return f"{name}-{self.arm}"

    def specs(self, name: str) -> tuple[dict[str, Json], dict[str, Json]]:
        """Returns the specs of the campaign of this name and of the other, as they are sent."""
        return _spec(self.options, name, AGENT, self.seed), _spec(self.other, name, self.arm, self.seed)


def versus(
    options: RunOptions,
    against: str,
    agent: str | None,
    name: str | None,
    draw: Callable[[int], int] = secrets.randbelow,
) -> ArmPair:
    """Reads `--versus` and `--versus-agent`. Raises UsageError where the two would not be an experiment."""
    arm, _, variant = against.partition("=")
    if not re.fullmatch(rf"{BASELINE}|{VARIANT}=.+", against):
        raise UsageError(f"--versus takes baseline or variant=NAME, and {against!r} is neither")
    if options.mode is not Mode.AGENT:
        raise UsageError("--versus puts an agent against something: it goes with neither --baseline nor --control")
    if arm == BASELINE and agent is not None:
        raise UsageError("--versus-agent goes with --versus variant=NAME: in a baseline nobody acts")
    other = _baseline(options) if arm == BASELINE else _variant(options, variant, agent)
    spec, read = build_spec(options)
    _require_opponents(read, build_spec(other)[1], arm)
    if "interleave" in spec:
        raise UsageError("--versus sets spec.interleave itself")
    made = ArmPair(options, other, arm, spec.get("seed", draw(SEEDS)))
    if name is not None and len(name) > made.max_name_length:
        raise UsageError(
            f"--name may have {made.max_name_length} characters at most: the other campaign is called NAME-{arm}"
        )
    return made


def idle_agent_warning(pair: ArmPair) -> str | None:
    """Returns a warning where the controller does not start the agent; None where it does."""
    if pair.options.agent is not None:
        return None
    return (
        "The controller does not start this agent: see to it that it keeps still in the trials of the other campaign, "
        f"or those are no {pair.arm}. With --agent it is there for its own trials only."
    )


def _baseline(options: RunOptions) -> RunOptions:
    """Returns the options of a baseline: no agent is read, and an agent's Deployment stays scaled to zero."""
    return replace(options, mode=Mode.BASELINE, variant=None, model=None, source=None, source_options=(), agent_db=None)


def _variant(options: RunOptions, variant: str, agent: str | None) -> RunOptions:
    """Returns the options of another variant, without the model of the first."""
    if options.agent_db is not None:
        raise UsageError("two variants cannot share one operator.db: --agent-db goes with --versus baseline only")
    if (options.agent is None) != (agent is None):
        raise UsageError("the controller starts both variants or neither: --agent and --versus-agent go together")
    if options.agent is not None and agent is not None and options.agent.partition("/")[0] == agent.partition("/")[0]:
        raise UsageError(
            f"--agent {options.agent} and --versus-agent {agent} are in one namespace, which holds the token of one "
            "campaign only: give each variant a namespace of its own"
        )
    return replace(options, variant=variant, model=None, agent=agent)


def _require_opponents(first: CampaignSpec, second: CampaignSpec, arm: str) -> None:
    """Raises UsageError where `--set` has undone what makes the two differ."""
    if first.mode is not Mode.AGENT or second.mode is not (Mode.BASELINE if arm == BASELINE else Mode.AGENT):
        raise UsageError("--set mode does not go with --versus, which sets it")
    if arm == VARIANT and first.variant.name == second.variant.name:
        name = first.variant.name
        raise UsageError(f"both campaigns would be the variant {name!r}: --versus variant=… names another")


def _spec(options: RunOptions, group: str, arm: str, seed: int) -> dict[str, Json]:
    spec: Mapping[str, Json] = build_spec(options)[0]
    return {**spec, "seed": seed, "interleave": {"group": group, "arm": arm}}
