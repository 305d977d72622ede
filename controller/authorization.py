"""The authorization of campaigns by namespaces' owners: to break what is in one, or to run the agents in it. Pure.

A subject's namespace needs both: the label says *that* it may be broken, the annotation *by whose* campaigns. Were the
label enough, a right to create campaigns anywhere would be a right to break every namespace that has it. An agent's
namespace needs the annotation alone: whose campaigns may start and stop its Deployment.

A namespace without them authorizes nobody, and neither does an annotation that is not valid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.api import LABEL, Reason
from controller.status import Refusal
from controller.text import truncate

OPT_IN_LABEL = "managed-access"
"""A namespace that carries this label with the value `true` may be broken; no other is touched.

The key is plain: an agent that reads the namespace learns nothing from it. An installation may choose another.
"""

ALLOWED_ANNOTATION = "managed-access-namespaces"
"""The namespaces whose campaigns may break it, or run its agents: names separated by commas, or `*` for any.

The key is plain for the same reason.
"""

FORMER_OPT_IN_LABEL = "evalcampaign.dev/opt-in"
FORMER_ALLOWED_ANNOTATION = "evalcampaign.dev/allowed-namespaces"
"""The first names of the two keys. Namespaces carry them, so they are read for ever."""

ANY = "*"

SHOWN_LENGTH = 100
"""How many characters of an invalid entry a message repeats."""


@dataclass(frozen=True, slots=True)
class OptInKeys:
    """The keys of the label and the annotation in this installation; the former keys are read too."""

    label: str = OPT_IN_LABEL
    annotation: str = ALLOWED_ANNOTATION

    @property
    def labels(self) -> tuple[str, ...]:
        """The keys of labels that are read; messages name the first."""
        return tuple(dict.fromkeys((self.label, FORMER_OPT_IN_LABEL)))

    @property
    def annotations(self) -> tuple[str, ...]:
        """The keys of annotations that are read; messages name the first."""
        return tuple(dict.fromkeys((self.annotation, FORMER_ALLOWED_ANNOTATION)))


DEFAULT_KEYS = OptInKeys()


UNAUTHORIZED = frozenset(
    {Reason.NOT_OPTED_IN, Reason.NOT_ALLOWED, Reason.AGENT_NOT_ALLOWED, Reason.NAMESPACE_NOT_FOUND, Reason.FORBIDDEN}
)
"""The reasons of refusals where the owner has not authorized the campaign, or where that is unknown."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace's metadata, as far as authorization reads it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def missing_authorization(
    subject: Namespace, campaign_namespace: str, keys: OptInKeys = DEFAULT_KEYS
) -> Refusal | None:
    """Returns which authorization the subject's namespace lacks for campaigns of that namespace; None if none.

    A label under either key opts in, unless its value under the other key is not `true`: that one withdraws it.
    """
    stated = {key: subject.labels[key] for key in keys.labels if key in subject.labels}
    if "true" not in stated.values():
        return Refusal(Reason.NOT_OPTED_IN, f"namespace {subject.name} does not carry the label {keys.label}=true")
    if otherwise := next((key for key, value in stated.items() if value != "true"), None):
        value = truncate(stated[otherwise], SHOWN_LENGTH)
        return Refusal(
            Reason.NOT_OPTED_IN, f"namespace {subject.name} carries the label {otherwise}={value}, which is no consent"
        )
    return _missing_annotation(subject, campaign_namespace, keys, "break it", Reason.NOT_ALLOWED)


def missing_agent_authorization(
    agents: Namespace, campaign_namespace: str, keys: OptInKeys = DEFAULT_KEYS
) -> Refusal | None:
    """Returns the same for the namespace of an agent that the campaigns start and stop: the annotation alone."""
    return _missing_annotation(
        agents, campaign_namespace, keys, "start and end the agents in it", Reason.AGENT_NOT_ALLOWED
    )


def _missing_annotation(
    namespace: Namespace, campaign_namespace: str, keys: OptInKeys, to_what: str, reason: Reason
) -> Refusal | None:
    """Returns a refusal unless the annotation, under either key, names the campaigns' namespace."""
    entries = allowed_namespaces(namespace, keys)
    if ANY in entries or campaign_namespace in entries:
        return None
    return Refusal(
        reason,
        f"namespace {namespace.name} does not allow campaigns of namespace {campaign_namespace} to {to_what}: "
        f"{_how_to_add(namespace, campaign_namespace, keys)}{_describe_invalid_entry(entries)}",
    )


def allowed_namespaces(namespace: Namespace, keys: OptInKeys = DEFAULT_KEYS) -> list[str]:
    """Returns the entries of the annotation, under all keys that are read; they may be invalid."""
    return [entry for key in keys.annotations for entry in _entries(namespace.annotations.get(key, ""))]


def _entries(stated: str) -> list[str]:
    return [entry for part in stated.split(",") if (entry := part.strip())]


def _how_to_add(namespace: Namespace, campaign_namespace: str, keys: OptInKeys) -> str:
    annotation = next((key for key in keys.annotations if _entries(namespace.annotations.get(key, ""))), None)
    if annotation is not None:
        return f"its annotation {annotation} names others; add {campaign_namespace} to it, after a comma"
    return (
        f"it lacks the annotation {keys.annotation}={campaign_namespace} "
        f"(kubectl annotate namespace {namespace.name} {keys.annotation}={campaign_namespace} --overwrite)"
    )


def _describe_invalid_entry(entries: list[str]) -> str:
    """Returns what to say of the first entry that is no name; it authorizes nobody."""
    wrong = next((entry for entry in entries if not re.fullmatch(LABEL, entry)), None)
    if wrong is None:
        return ""
    return f"; {truncate(wrong, SHOWN_LENGTH)!r} in it is no name of a namespace ({ANY} by itself allows any)"
