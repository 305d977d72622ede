"""What a policy may want done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Tell that something is wrong: what, as one word, on which pod or service, and as a sentence."""

    sign: str
    about: str
    message: str


@dataclass(frozen=True, slots=True)
class LookAtPods:
    """Run the command that shows all pods, for whoever reads the log."""

    why: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete exactly this pod; one that took its name meanwhile is spared."""

    name: str
    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class CloseTicket:
    """Call it resolved. Not `by_agent`: nobody did anything, and what was seen is simply seen no more."""

    diagnosis: str
    by_agent: bool = True


Action = OpenTicket | LookAtPods | DeletePod | CloseTicket
