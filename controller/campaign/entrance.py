"""What comes before the first trial, and again before each: consent of the subject's owner, and the subject itself."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from controller.api import CampaignSpec, Phase, Reason
from controller.campaign.admission import Impossible, NotYet, require_permission
from controller.campaign.board import Board
from controller.campaign.control import Control
from controller.campaign.exposing import exposure
from controller.campaign.services import Services
from controller.consent import WITHOUT_CONSENT
from controller.records.flags import Flag
from controller.status import Refusal
from subjects.protocol import EvalSubject

RETRY_SECONDS = 1.0
"""Until it is asked again, where the answer is a new one. The same answer again takes GROWTH times as long."""

GROWTH = 1.5
LONGEST_SECONDS = 5.0
LONGEST_WITHOUT_CONSENT_SECONDS = 30.0
"""Whose subject's owner has not consented may be anybody, and there may be many of them."""

PERMITTED = "Permitted"
"""What those who wait for the same namespace are told, beside the reasons of refusals."""


class Entrance:
    """Belongs to one driver. Whatever waits here is broken off when the campaign is to halt or to pause."""

    def __init__(self, services: Services, spec: CampaignSpec, board: Board, control: Control) -> None:
        self._services = services
        self._spec = spec
        self._board = board
        self._control = control
        self._told = False

    async def wait_for_permission(self, subject: EvalSubject, params: BaseModel) -> None:
        """Ask until the namespace consents and the subject is there, for as long as the start deadline allows."""
        board, limit = self._board, self._spec.start_deadline_seconds
        said: Refusal | None = None
        pause = RETRY_SECONDS
        while refusal := await self._refusal(subject, params):
            board.alive()
            if board.row.phase is Phase.RUNNING:
                board.change(refusal=refusal)
            else:
                await board.enter(Phase.PENDING, refusal.reason, refusal.message, refusal=refusal)
            if self._services.now() > board.refused_since + timedelta(seconds=limit):
                why = f"waited in vain for startDeadlineSeconds ({limit} s): {refusal.message}"
                raise Impossible(Reason.START_DEADLINE_EXCEEDED, why)
            pause = next_pause(pause, refusal, said)
            await self._control.guard(self._pause(pause, refusal, said))
            said = refusal
        if said is not None:
            self._services.consents.tell(self._spec.subject.namespace, PERMITTED)
        board.change(refusal=None)
        await self._tell_what_the_agent_can_read()

    async def _tell_what_the_agent_can_read(self) -> None:
        """Once: an Event beside the campaign. It is no reason to refuse it; each attempt's record is flagged."""
        if self._told:
            return
        found = await self._control.guard(exposure(self._services, self._spec, self._board.row.namespace))
        self._told = True
        if found is not None and found.flags:
            reason = min(found.flags, key=list(Flag).index)
            self._board.announce(f"exposure/{found.message}", reason, found.message, warning=True)

    async def _pause(self, seconds: float, refusal: Refusal, said: Refusal | None) -> None:
        """Wait, though not beyond the start deadline; others who wait for the same namespace may know earlier."""
        news, namespace = self._services.consents, self._spec.subject.namespace
        if said is not None and refusal.reason != said.reason:
            news.tell(namespace, refusal.reason)
        give_up = self._board.refused_since + timedelta(seconds=self._spec.start_deadline_seconds)
        left = (give_up - self._services.now()).total_seconds()
        await news.wait(namespace, max(RETRY_SECONDS, min(seconds, left)))

    async def _refusal(self, subject: EvalSubject, params: BaseModel) -> Refusal | None:
        namespace, kube = self._board.row.namespace, self._services.kube
        try:
            workload = self._services.workload(self._spec)
            asking = require_permission(self._spec, namespace, subject, params, kube, workload, self._services.consent)
            await self._control.guard(asking)
        except NotYet as not_yet:
            return not_yet.refusal
        return None


def next_pause(last: float, refusal: Refusal, said: Refusal | None) -> float:
    """Seconds until it is asked again: longer each time that the answer is what was `said` before. Pure."""
    if said is None or refusal.reason != said.reason:
        return RETRY_SECONDS
    longest = LONGEST_WITHOUT_CONSENT_SECONDS if refusal.reason in WITHOUT_CONSENT else LONGEST_SECONDS
    return min(last * GROWTH, longest)
