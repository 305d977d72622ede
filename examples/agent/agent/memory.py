"""What the agent keeps in mind between two looks. Pure: each step makes a new memory of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .actions import Action, CloseTicket, DeletePod, OpenTicket
from .observer import Member, Observation


@dataclass(frozen=True, slots=True)
class Memory:
    """Times are those of observations: monotonic, in seconds; None: not so now.

    `ailing`: since when each pod is ill, by its uid, so that a new pod of the same name begins afresh. `deleted`: the
    uids of pods that the agent deleted; `deleted_at`: when it last did so for the ticket that is open. `answered`: a
    ticket about this trouble was closed while it lasted.
    """

    ill_since: float | None = None
    well_since: float | None = None
    ailing: Mapping[str, float] = field(default_factory=dict)
    ticket_since: float | None = None
    deleted: frozenset[str] = frozenset()
    deleted_at: float | None = None
    answered: bool = False

    def ill_for(self, at: float) -> float:
        """For how long something is wrong, in seconds; negative where nothing is."""
        return -1.0 if self.ill_since is None else at - self.ill_since

    def well_for(self, at: float) -> float:
        """For how long nothing is wrong, in seconds; negative where something is."""
        return -1.0 if self.well_since is None else at - self.well_since

    def ailing_for(self, member: Member, at: float) -> float:
        """For how long this very pod is ill, in seconds; negative where it is well."""
        since = self.ailing.get(member.uid or "")
        return -1.0 if since is None else at - since

    def seeing(self, seen: Observation) -> Memory:
        """After a look, before anything is done about it."""
        uids = [member.uid for member in seen.members if member.uid is not None and seen.ill(member)]
        ailing = {uid: self.ailing.get(uid, seen.at) for uid in uids}
        if not seen.symptoms:
            well_since = seen.at if self.well_since is None else self.well_since
            return replace(self, ill_since=None, well_since=well_since, ailing=ailing, answered=False)
        ill_since = seen.at if self.ill_since is None else self.ill_since
        return replace(self, ill_since=ill_since, well_since=None, ailing=ailing)

    def having_done(self, actions: Iterable[Action], seen: Observation) -> Memory:
        """After something was done about it."""
        memory = self
        for action in actions:
            match action:
                case OpenTicket():
                    memory = replace(memory, ticket_since=seen.at, deleted_at=None)
                case CloseTicket():
                    memory = replace(memory, ticket_since=None, answered=bool(seen.symptoms))
                case DeletePod(uid=uid):
                    memory = replace(memory, deleted=memory.deleted | {uid}, deleted_at=seen.at)
        return memory
