"""Questions by HTTP: who answers, this member or the leader; and those that wait for there to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .api import Answer, Forward, Http, is_local
from .local import followers_answer, local_answer

if TYPE_CHECKING:
    from .member import Member

LEADER_WAIT_SECONDS = 3.0

NO_LEADER = Answer(503, text="[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n")
NOT_LEADER = Answer(500, text="[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader\n")


class Questions:
    def __init__(self, member: Member) -> None:
        self._member = member
        self._held: list[tuple[float, int, Http]] = []
        """Until when, the ticket, the question."""

    @property
    def due(self) -> float:
        """When the first of those that wait must be refused."""
        return min((until for until, _, _ in self._held), default=float("inf"))

    def ask(self, now: float, ticket: int, question: Http) -> None:
        member = self._member
        if is_local(question):
            member.reply(ticket, local_answer(member, question))
        elif member.lead is not None:
            member.lead.ask(now, ticket, question)
        elif question.follower:
            member.reply(ticket, followers_answer(member, question))
        elif question.forwarded:
            member.reply(ticket, NOT_LEADER)
        elif (leader := member.leader()) is not None:
            member.reply(ticket, Forward(member.peers.ends[leader].client))
        else:
            self._held.append((now + LEADER_WAIT_SECONDS, ticket, question))

    def tick(self, now: float) -> None:
        for held in [held for held in self._held if now >= held[0]]:
            self._held.remove(held)
            self._member.reply(held[1], NO_LEADER)

    def settle(self, now: float) -> None:
        """Ask again, now that there may be a leader."""
        if self._held and self._member.leader() is not None:
            held, self._held = self._held, []
            for _, ticket, question in held:
                self.ask(now, ticket, question)
