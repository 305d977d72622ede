"""What is asked, checked against the subjects that this version knows, before anything is created."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from controller.api import CampaignSpec
from controller.cli.run.errors import UsageError
from subjects.cluster import Cluster
from subjects.protocol import ChaosType, SubjectContext, SubjectFactory, SubjectOptions, Unsupported
from subjects.registry import installed


def check(spec: CampaignSpec, subjects: Mapping[str, SubjectFactory] | None = None) -> None:
    """Raise UsageError, which lists what there is, unless the subject offers this chaos, parameters and options."""
    subjects = installed().subjects if subjects is None else subjects
    ref = spec.subject
    if ref.type not in subjects:
        raise UsageError(f"There is no subject {ref.type!r}{suggestion(ref.type, subjects)}")
    options = SubjectOptions(ref.probe.value, ref.selectors, ref.endpoints, ref.tls_secret or None, spec.reset.value)
    chaos = offered(ref.type, subjects, options)
    if spec.chaos.type not in chaos:
        raise UsageError(f"{ref.type} has no chaos {spec.chaos.type!r}{suggestion(spec.chaos.type, chaos)}")
    _check_params(chaos[spec.chaos.type], spec.chaos.params)


def offered(
    subject: str, subjects: Mapping[str, SubjectFactory], options: SubjectOptions | None = None
) -> Mapping[str, ChaosType]:
    """The chaos that a subject offers, by name. UsageError where it cannot do what the options ask for."""
    # A subject that is only asked what it offers touches no cluster.
    nowhere = cast(Cluster, None)
    context = SubjectContext(nowhere, subject, lambda: datetime.now(UTC), {}, options or SubjectOptions())
    try:
        return subjects[subject](context).get_chaos_types()
    except Unsupported as unsupported:
        raise UsageError(str(unsupported)) from None


def parameters(chaos: ChaosType) -> Mapping[str, Mapping[str, Any]]:
    """Its parameters by name, each as JSON Schema has it."""
    properties: Mapping[str, Mapping[str, Any]] = chaos.params.model_json_schema(by_alias=True).get("properties", {})
    return properties


def suggestion(given: str, known: Iterable[str]) -> str:
    """`; did you mean …? Known: …`."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=2)
    meant = f"; did you mean {' or '.join(close)}?" if close else "."
    return f"{meant} Known: {', '.join(names) or 'none'}"


def _check_params(chaos: ChaosType, given: Mapping[str, Any]) -> None:
    known = parameters(chaos)
    for name in given:
        if name not in known:
            raise UsageError(f"{chaos.name} has no parameter {name!r}{suggestion(name, known)}")
    try:
        chaos.params.model_validate(dict(given))
    except ValidationError as error:
        raise UsageError(f"{chaos.name}: {complaint(error)}") from None


def complaint(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first thing that pydantic finds wrong, as `field.subfield: what`."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}"
