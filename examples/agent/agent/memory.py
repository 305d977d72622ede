"""What the agent remembers between two observations. Pure: each step returns a new memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .actions import Action, CloseTicket, DeletePod, OpenTicket
from .observer import Member, Observation


@dataclass(frozen=True, slots=True)
class Memory:
    """The agent's memory. Times are those of observations, monotonic in seconds; None where the state does not hold.

    `unhealthy_since` has the time since when each pod has symptoms, by uid, so that a new pod of the same name begins
    anew. `deleted` has the uids of the pods that the agent deleted, and `deleted_at` the last deletion for the open
    ticket. `closed_early`: the last ticket was closed while there were symptoms, and they have not disappeared since.
    """

    symptoms_since: float | None = None
    healthy_since: float | None = None
    unhealthy_since: Mapping[str, float] = field(default_factory=dict)
    ticket_since: float | None = None
    deleted: frozenset[str] = frozenset()
    deleted_at: float | None = None
    closed_early: bool = False

    def seconds_with_symptoms(self, at: float) -> float:
        """Returns for how long there have been symptoms, in seconds; negative where there are none."""
        return -1.0 if self.symptoms_since is None else at - self.symptoms_since

    def seconds_healthy(self, at: float) -> float:
        """Returns for how long there have been no symptoms, in seconds; negative where there are some."""
        return -1.0 if self.healthy_since is None else at - self.healthy_since

    def seconds_unhealthy(self, member: Member, at: float) -> float:
        """Returns for how long this pod has had symptoms, in seconds; negative where it has none."""
        since = self.unhealthy_since.get(member.uid or "")
        return -1.0 if since is None else at - since

    def after_observation(self, seen: Observation) -> Memory:
        """Returns the memory after an observation, before any action."""
        uids = [member.uid for member in seen.members if member.uid is not None and seen.has_symptom(member)]
        unhealthy_since = {uid: self.unhealthy_since.get(uid, seen.at) for uid in uids}
        if not seen.symptoms:
            healthy_since = seen.at if self.healthy_since is None else self.healthy_since
            return replace(
                self,
                symptoms_since=None,
                healthy_since=healthy_since,
                unhealthy_since=unhealthy_since,
                closed_early=False,
            )
        symptoms_since = seen.at if self.symptoms_since is None else self.symptoms_since
        return replace(self, symptoms_since=symptoms_since, healthy_since=None, unhealthy_since=unhealthy_since)

    def after_actions(self, actions: Iterable[Action], seen: Observation) -> Memory:
        """Returns the memory after these actions."""
        memory = self
        for action in actions:
            match action:
                case OpenTicket():
                    memory = replace(memory, ticket_since=seen.at, deleted_at=None)
                case CloseTicket():
                    memory = replace(memory, ticket_since=None, closed_early=bool(seen.symptoms))
                case DeletePod(uid=uid):
                    memory = replace(memory, deleted=memory.deleted | {uid}, deleted_at=seen.at)
        return memory
