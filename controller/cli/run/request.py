"""Makes the options of `run` into the spec and the name of a campaign. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from controller.agents.sources import source_names
from controller.api import CampaignSpec, Mode, Source
from controller.cli.options import UsageError
from controller.cli.run.catalog import suggestion
from controller.jsontypes import Json
from controller.validation import describe_invalid

MOST = 63
"""Characters of a campaign's name."""

ADJECTIVES = (
    "amber bold brisk calm clear cool crisp early fair fleet gentle glad golden grand keen kind late light lively "
    "lucky mellow merry mild neat noble plain proud quick quiet rapid ready rosy sharp silent silver sober solid "
    "steady still sunny swift tidy warm wide wise young"
)
NOUNS = (
    "badger bear beaver bison crane crow dove eagle egret falcon finch fox gull hare hawk heron ibis jay kite lark "
    "lion lynx marten mole moose newt orca osprey otter owl panda plover puffin raven robin seal shrew stork swan "
    "tern thrush tiger toad trout vole whale wolf wren"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `run`. For those that are None the API server fills in its defaults."""

    subject: str
    chaos: str
    mode: Mode = Mode.AGENT
    subject_namespace: str | None = None
    trials: int | None = None
    observe_seconds: int | None = None
    settle_seconds: int | None = None
    seed: int | None = None
    probe: str | None = None
    variant: str | None = None
    model: str | None = None
    source: str | None = None
    source_options: Sequence[str] = field(default_factory=tuple)
    agent: str | None = None
    agent_db: str | None = None
    params: Sequence[str] = field(default_factory=tuple)
    settings: Sequence[str] = field(default_factory=tuple)


def build_spec(options: RunOptions) -> tuple[dict[str, Json], CampaignSpec]:
    """Returns the spec as it is sent, and as the controller reads it. Raises UsageError where it is invalid."""
    spec: dict[str, Json] = {
        "subject": _without_none(
            type=options.subject, namespace=options.subject_namespace or options.subject, probe=options.probe
        ),
        "chaos": {"type": options.chaos, "params": _pairs("--param", options.params)},
        "mode": options.mode.value,
        **_without_none(
            trials=options.trials,
            observeSeconds=options.observe_seconds,
            settleSeconds=options.settle_seconds,
            seed=options.seed,
            variant=_without_none(name=options.variant, model=options.model) or None,
            agent=_agent(options) or None,
        ),
    }
    for setting in options.settings:
        _set(spec, setting)
    try:
        return spec, CampaignSpec.model_validate(spec)
    except ValidationError as error:
        raise UsageError(f"spec.{describe_invalid(error, 'spec')}") from None


def _agent(options: RunOptions) -> dict[str, Json]:
    """Returns `spec.agent`, which uses HTTP unless an option says otherwise.

    HTTP is the default because the controller cannot read the agent's files.
    """
    implied = None
    if options.agent_db is not None:
        implied = Source.OPERATOR_DB.value
    elif options.mode.wants_agent:
        implied = Source.HTTP.value
    namespace, _, name = (options.agent or "").partition("/")
    if options.agent is not None and not (namespace and name):
        raise UsageError(f"--agent takes NAMESPACE/DEPLOYMENT, and {options.agent!r} is not that")
    workload = {"namespace": namespace, "name": name} if options.agent else None
    return _without_none(
        source=_source(options.source) or implied,
        sourceOptions=_pairs("--source-option", options.source_options) or None,
        path=options.agent_db,
        workload=workload,
    )


def _source(name: str | None) -> str | None:
    """Returns the name. Raises UsageError unless a source of that name is installed here. Imports no source."""
    if name is None or name in (known := source_names()):
        return name
    raise UsageError(f"there is no agent source {name!r}{suggestion(name, known)}")


def _pairs(option: str, pairs: Sequence[str]) -> dict[str, int | str]:
    values: dict[str, int | str] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not (name and found):
            raise UsageError(f"{option} takes NAME=VALUE, and {pair!r} is not that")
        values[name] = int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    return values


def _set(spec: dict[str, Json], setting: str) -> None:
    """Sets the field of a `path.of.field=value`, whose value is YAML."""
    path, found, text = setting.partition("=")
    if not (path and found):
        raise UsageError(f"--set takes FIELD=VALUE, such as deadlines.healthySeconds=600, and {setting!r} is not that")
    *parents, last = path.removeprefix("spec.").split(".")
    model: Any = CampaignSpec
    place = spec
    for name in parents:
        model = _field_type(model, name, path)
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise UsageError(f"--set {path}: {name} has no fields")
    _field_type(model, last, path)
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"--set {path}: {text!r} is no YAML") from None


def _field_type(model: Any, name: str, path: str) -> Any:
    """Returns the type of a field; None below a free-form object. Raises UsageError if there is no such field."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    fields = {field.alias: field.annotation for field in model.model_fields.values() if field.alias}
    if name not in fields:
        raise UsageError(f"--set {path}: there is no field {name!r}{suggestion(name, fields)}")
    return fields[name]


def _without_none(**fields: Json) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None}


def describe_spec(spec: Mapping[str, Json]) -> str:
    """Returns the spec in a few words."""
    chaos = spec["chaos"]
    params = ", ".join(f"{name}={value}" for name, value in chaos.get("params", {}).items())
    what = f"{chaos['type']}{f' ({params})' if params else ''} on {spec['subject']['type']}"
    return f"{what} in {spec['subject']['namespace']}, mode {spec['mode']}"


def readable_name(subject: str, chaos: str, most: int = MOST) -> str:
    """Returns a name such as `tikv-node-kill-bold-heron`, which begins with its topic so that lists sort by it.

    At most `most` characters long.
    """
    ending = f"-{secrets.choice(ADJECTIVES.split())}-{secrets.choice(NOUNS.split())}"
    stem = re.sub(r"[^a-z0-9]+", "-", f"{subject}-{chaos}".lower())[: most - len(ending)].strip("-")
    return f"{stem or 'campaign'}{ending}"
