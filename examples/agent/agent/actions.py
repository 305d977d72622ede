"""The actions that a policy can ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Opens a ticket. `kind` is the symptom as one word, `about` the pod or service, `message` a sentence."""

    kind: str
    about: str
    message: str


@dataclass(frozen=True, slots=True)
class ListPods:
    """Lists all pods, so that the log shows their state."""

    why: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Deletes the pod with this name and uid. A new pod of the same name is not deleted."""

    name: str
    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class CloseTicket:
    """Closes the ticket as resolved. `by_agent` is False where nothing was done and the symptoms disappeared."""

    diagnosis: str
    by_agent: bool = True


Action = OpenTicket | ListPods | DeletePod | CloseTicket
