"""What the owner of a namespace says about breaking what is in it, or about running the agents in it. Pure.

Of a subject two statements, both needed: the label says *that* it may be broken, the annotation *whose* campaigns may
do it. Where the label alone decides, a right to create campaigns anywhere is a right to break all that has agreed.
Of an agent the annotation alone: whose campaigns may start and end its Deployment.

Who says nothing allows nobody, and what makes no sense allows nobody either.
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

Plain likewise.
"""

FORMER_OPT_IN_LABEL = "evalcampaign.dev/opt-in"
FORMER_ALLOWED_ANNOTATION = "evalcampaign.dev/allowed-namespaces"
"""What the two were called first. Owners have said it so, and it holds for ever."""

ANY = "*"

SHOWN_LENGTH = 100
"""How much of an entry that makes no sense is repeated to whoever has to mend it."""


@dataclass(frozen=True, slots=True)
class ConsentKeys:
    """What the label and the annotation are called in this installation; the former names are read beside them."""

    label: str = OPT_IN_LABEL
    annotation: str = ALLOWED_ANNOTATION

    @property
    def labels(self) -> tuple[str, ...]:
        """All that are read, the one that messages name first."""
        return tuple(dict.fromkeys((self.label, FORMER_OPT_IN_LABEL)))

    @property
    def annotations(self) -> tuple[str, ...]:
        """Likewise."""
        return tuple(dict.fromkeys((self.annotation, FORMER_ALLOWED_ANNOTATION)))


DEFAULT_KEYS = ConsentKeys()


WITHOUT_CONSENT = frozenset(
    {Reason.NOT_OPTED_IN, Reason.NOT_ALLOWED, Reason.AGENT_NOT_ALLOWED, Reason.NAMESPACE_NOT_FOUND, Reason.FORBIDDEN}
)
"""The reasons of refusals where no owner has said yes: as the owner says, or as far as anybody can tell."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace's metadata, as far as consent is concerned."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def missing_consent(subject: Namespace, campaign_namespace: str, keys: ConsentKeys = DEFAULT_KEYS) -> Refusal | None:
    """What the owner of the subject's namespace would have to say before such campaigns may break it; None: nothing.

    A label under either name is consent, unless it says otherwise under the other: who took it back meant it.
    """
    stated = {key: subject.labels[key] for key in keys.labels if key in subject.labels}
    if "true" not in stated.values():
        return Refusal(Reason.NOT_OPTED_IN, f"namespace {subject.name} does not carry the label {keys.label}=true")
    if otherwise := next((key for key, value in stated.items() if value != "true"), None):
        value = truncate(stated[otherwise], SHOWN_LENGTH)
        return Refusal(
            Reason.NOT_OPTED_IN, f"namespace {subject.name} carries the label {otherwise}={value}, which is no consent"
        )
    return _missing_allowance(subject, campaign_namespace, keys, "break it", Reason.NOT_ALLOWED)


def missing_agent_consent(
    agents: Namespace, campaign_namespace: str, keys: ConsentKeys = DEFAULT_KEYS
) -> Refusal | None:
    """Likewise, of the namespace of an agent that such campaigns start and end: the annotation alone."""
    return _missing_allowance(
        agents, campaign_namespace, keys, "start and end the agents in it", Reason.AGENT_NOT_ALLOWED
    )


def _missing_allowance(
    namespace: Namespace, campaign_namespace: str, keys: ConsentKeys, to_what: str, reason: Reason
) -> Refusal | None:
    """Whether the annotation, under either name, allows campaigns of that namespace; None: it does."""
    entries = allowed_namespaces(namespace, keys)
    if ANY in entries or campaign_namespace in entries:
        return None
    return Refusal(
        reason,
        f"namespace {namespace.name} does not allow campaigns of namespace {campaign_namespace} to {to_what}: "
        f"{_what_to_add(namespace, campaign_namespace, keys)}{_nonsense(entries)}",
    )


def allowed_namespaces(namespace: Namespace, keys: ConsentKeys = DEFAULT_KEYS) -> list[str]:
    """What the annotation says, under all names that are read; it may be nonsense."""
    return [entry for key in keys.annotations for entry in _entries(namespace.annotations.get(key, ""))]


def _entries(stated: str) -> list[str]:
    return [entry for part in stated.split(",") if (entry := part.strip())]


def _what_to_add(namespace: Namespace, campaign_namespace: str, keys: ConsentKeys) -> str:
    there = next((key for key in keys.annotations if _entries(namespace.annotations.get(key, ""))), None)
    if there is not None:
        return f"its annotation {there} names others; add {campaign_namespace} to it, after a comma"
    return (
        f"it lacks the annotation {keys.annotation}={campaign_namespace} "
        f"(kubectl annotate namespace {namespace.name} {keys.annotation}={campaign_namespace} --overwrite)"
    )


def _nonsense(entries: list[str]) -> str:
    """The first entry that is no name. It allows nobody, and whoever wrote it should hear that."""
    wrong = next((entry for entry in entries if not re.fullmatch(LABEL, entry)), None)
    if wrong is None:
        return ""
    return f"; {truncate(wrong, SHOWN_LENGTH)!r} in it is no name of a namespace ({ANY} by itself allows any)"
