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

from controller.api import LABEL
from controller.status import Refusal, clip

OPT_IN_LABEL = "evalcampaign.dev/opt-in"
"""A namespace that carries this label with the value `true` may be broken; no other is touched."""

ALLOWED_ANNOTATION = "evalcampaign.dev/allowed-namespaces"
"""The namespaces whose campaigns may break it, or run its agents: names separated by commas, or `*` for any."""

ANY = "*"

SHOWN_LENGTH = 100
"""How much of an entry that makes no sense is repeated to whoever has to mend it."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace's metadata, as far as consent is concerned."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def missing_consent(subject: Namespace, campaign_namespace: str) -> Refusal | None:
    """What the owner of the subject's namespace would have to say before such campaigns may break it; None: nothing."""
    if subject.labels.get(OPT_IN_LABEL) != "true":
        return Refusal("NotOptedIn", f"namespace {subject.name} does not carry the label {OPT_IN_LABEL}=true")
    return _missing_allowance(subject, campaign_namespace, "break it")


def missing_agent_consent(agents: Namespace, campaign_namespace: str) -> Refusal | None:
    """Likewise, of the namespace of an agent that such campaigns start and end."""
    return _missing_allowance(agents, campaign_namespace, "start and end the agents in it", "AgentNotAllowed")


def _missing_allowance(
    namespace: Namespace, campaign_namespace: str, what: str, reason: str = "NotAllowed"
) -> Refusal | None:
    stated = namespace.annotations.get(ALLOWED_ANNOTATION)
    entries = [entry for each in (stated or "").split(",") if (entry := each.strip())]
    if ANY in entries or campaign_namespace in entries:
        return None
    return Refusal(
        reason,
        f"namespace {namespace.name} does not allow campaigns of namespace {campaign_namespace} to {what}: "
        f"{_what_to_add(namespace.name, campaign_namespace, bool(entries))}{_nonsense(entries)}",
    )


def _what_to_add(namespace: str, campaign_namespace: str, others: bool) -> str:
    if others:
        return f"its annotation {ALLOWED_ANNOTATION} names others; add {campaign_namespace} to it, after a comma"
    return (
        f"it lacks the annotation {ALLOWED_ANNOTATION}={campaign_namespace} "
        f"(kubectl annotate namespace {namespace} {ALLOWED_ANNOTATION}={campaign_namespace} --overwrite)"
    )


def _nonsense(entries: list[str]) -> str:
    """The first entry that is no name. It allows nobody, and whoever wrote it should hear that."""
    wrong = next((entry for entry in entries if not re.fullmatch(LABEL, entry)), None)
    if wrong is None:
        return ""
    return f"; {clip(wrong, SHOWN_LENGTH)!r} in it is no name of a namespace ({ANY} by itself allows any)"
