"""Lists subjects and chaos types, and validates specs against them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from controller.api import CampaignSpec
from controller.cli.options import UsageError
from controller.cli.tables import console
from controller.jsontypes import Json
from controller.validation import describe_invalid
from subjects.cluster import Cluster
from subjects.protocol import ChaosType, SubjectContext, SubjectFactory, SubjectOptions, Unsupported
from subjects.registry import installed


def validate_spec(spec: CampaignSpec, subjects: Mapping[str, SubjectFactory] | None = None) -> None:
    """Raises UsageError, which lists what there is, unless the subject has this chaos type, parameters and options."""
    subjects = installed().subjects if subjects is None else subjects
    ref = spec.subject
    if ref.type not in subjects:
        raise UsageError(f"There is no subject {ref.type!r}{suggestion(ref.type, subjects)}")
    options = SubjectOptions(ref.probe.value, ref.selectors, ref.endpoints, ref.tls_secret or None, spec.reset.value)
    chaos = chaos_types_of(ref.type, subjects, options)
    if spec.chaos.type not in chaos:
        raise UsageError(f"{ref.type} has no chaos {spec.chaos.type!r}{suggestion(spec.chaos.type, chaos)}")
    _check_params(chaos[spec.chaos.type], spec.chaos.params)


def chaos_types_of(
    subject: str, subjects: Mapping[str, SubjectFactory], options: SubjectOptions | None = None
) -> Mapping[str, ChaosType]:
    """Returns the chaos types of a subject by name. Raises UsageError where it does not support the options."""
    # A subject asks no cluster for its chaos types.
    nowhere = cast(Cluster, None)
    context = SubjectContext(nowhere, subject, lambda: datetime.now(UTC), {}, options or SubjectOptions())
    try:
        return subjects[subject](context).get_chaos_types()
    except Unsupported as unsupported:
        raise UsageError(str(unsupported)) from None


def parameter_schemas(chaos: ChaosType) -> Mapping[str, Mapping[str, Any]]:
    """Returns the JSON Schema of each parameter, by name."""
    properties: Mapping[str, Mapping[str, Any]] = chaos.params.model_json_schema(by_alias=True).get("properties", {})
    return properties


def suggestion(given: str, known: Iterable[str]) -> str:
    """Returns `; did you mean …? Known: …`, which ends an error about an unknown name."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=2)
    meant = f"; did you mean {' or '.join(close)}?" if close else "."
    return f"{meant} Known: {', '.join(names) or 'none'}"


def _check_params(chaos: ChaosType, given: Mapping[str, Any]) -> None:
    known = parameter_schemas(chaos)
    for name in given:
        if name not in known:
            raise UsageError(f"{chaos.name} has no parameter {name!r}{suggestion(name, known)}")
    try:
        chaos.params.model_validate(dict(given))
    except ValidationError as error:
        raise UsageError(f"{chaos.name}: {describe_invalid(error, 'params')}") from None


def as_json() -> str:
    """Returns subjects, their chaos types, and the JSON Schema of each parameter."""
    subjects = installed().subjects
    catalog = [
        {
            "subject": subject,
            "chaos": [
                {
                    "type": chaos.name,
                    "description": chaos.description,
                    "healsItself": chaos.heals_itself,
                    "params": parameter_schemas(chaos),
                }
                for chaos in chaos_types_of(subject, subjects).values()
            ],
        }
        for subject in subjects
    ]
    return json.dumps(catalog, indent=2)


def print_subjects() -> None:
    """Prints a line for each chaos type, below it one for each parameter, and at the end the rejected plug-ins."""
    to, found = console(), installed()
    for subject in found.subjects:
        to.print(Text(subject, style="bold"))
        for chaos in chaos_types_of(subject, found.subjects).values():
            _print_chaos(to, chaos)
    for refused in found.refused:
        to.print(Text(str(refused), style="yellow"), soft_wrap=True)
    to.print(Text("evalcampaign run --subject SUBJECT --chaos TYPE --param NAME=VALUE", style="dim"))


def _print_chaos(to: Console, chaos: ChaosType) -> None:
    to.print(Text(f"  {chaos.name}: {chaos.description}"))
    for name, words in parameter_schemas(chaos).items():
        to.print(Text(f"    {name}={words.get('default', '')}{''.join(_bounds(words))}", style="dim"))


def _bounds(words: Mapping[str, Json]) -> Iterator[str]:
    if "enum" in words:
        yield f"  one of {', '.join(map(str, words['enum']))}"
    elif "minimum" in words or "maximum" in words:
        yield f"  from {words.get('minimum', '')} to {words.get('maximum', '')}"
