"""From options of `run` to the spec of a campaign. Pure: what it knows of subjects it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from controller.api import CampaignSpec, Mode, Source
from controller.cli.run.checking import complaint, suggestion
from controller.cli.run.errors import UsageError

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of `run` say. Where they say nothing, the API server fills in its defaults."""

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
    agent: str | None = None
    agent_db: str | None = None
    params: Sequence[str] = field(default_factory=tuple)
    settings: Sequence[str] = field(default_factory=tuple)


def spec_of(asked: Asked) -> tuple[dict[str, Json], CampaignSpec]:
    """The spec as it is sent, and as the controller will read it. UsageError where it makes no sense."""
    spec: dict[str, Json] = {
        "subject": _given(type=asked.subject, namespace=asked.subject_namespace or asked.subject, probe=asked.probe),
        "chaos": {"type": asked.chaos, "params": _params(asked.params)},
        "mode": asked.mode.value,
        **_given(
            trials=asked.trials,
            observeSeconds=asked.observe_seconds,
            settleSeconds=asked.settle_seconds,
            seed=asked.seed,
            variant=_given(name=asked.variant, model=asked.model) or None,
            agent=_agent(asked) or None,
        ),
    }
    for setting in asked.settings:
        _set(spec, setting)
    try:
        return spec, CampaignSpec.model_validate(spec)
    except ValidationError as error:
        raise UsageError(f"spec.{complaint(error)}") from None


def _agent(asked: Asked) -> dict[str, Json]:
    """Where an agent is expected it speaks HTTP, unless told otherwise: the controller sees no file of its."""
    implied = None
    if asked.agent_db is not None:
        implied = Source.OPERATOR_DB.value
    elif asked.mode.wants_agent:
        implied = Source.HTTP.value
    namespace, _, name = (asked.agent or "").partition("/")
    if asked.agent is not None and not (namespace and name):
        raise UsageError(f"--agent takes NAMESPACE/DEPLOYMENT, and {asked.agent!r} is not that")
    workload = {"namespace": namespace, "name": name} if asked.agent else None
    return _given(source=asked.source or implied, path=asked.agent_db, workload=workload)


def _params(pairs: Sequence[str]) -> dict[str, int | str]:
    params: dict[str, int | str] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not (name and found):
            raise UsageError(f"--param takes NAME=VALUE, and {pair!r} is not that")
        params[name] = int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    return params


def _set(spec: dict[str, Json], setting: str) -> None:
    """Put the value of `path.of.field=value`, which is read as YAML, into its place."""
    path, found, text = setting.partition("=")
    if not (path and found):
        raise UsageError(f"--set takes FIELD=VALUE, such as deadlines.healthySeconds=600, and {setting!r} is not that")
    *parents, last = path.removeprefix("spec.").split(".")
    model: Any = CampaignSpec
    place = spec
    for name in parents:
        model = _below(model, name, path)
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise UsageError(f"--set {path}: {name} has no fields")
    _below(model, last, path)
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"--set {path}: {text!r} is no YAML") from None


def _below(model: Any, name: str, path: str) -> Any:
    """The type of a field; None where anything may follow. UsageError, with what is there, where there is none."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    fields = {field.alias: field.annotation for field in model.model_fields.values() if field.alias}
    if name not in fields:
        raise UsageError(f"--set {path}: there is no field {name!r}{suggestion(name, fields)}")
    return fields[name]


def _given(**fields: Json) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None}


def shown(spec: Mapping[str, Json]) -> str:
    """The spec in a few words, for the first line."""
    chaos = spec["chaos"]
    params = ", ".join(f"{name}={value}" for name, value in chaos.get("params", {}).items())
    what = f"{chaos['type']}{f' ({params})' if params else ''} on {spec['subject']['type']}"
    return f"{what} in {spec['subject']['namespace']}, mode {spec['mode']}"
