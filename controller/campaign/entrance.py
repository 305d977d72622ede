"""What comes before the first trial, and again before each: consent of the subject's owner, and the subject itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pydantic import BaseModel

from controller.api import CampaignSpec, Phase
from controller.campaign.admission import Impossible, NotYet, require_permission
from controller.campaign.board import Board
from controller.campaign.control import Control
from controller.campaign.exposing import exposure
from controller.campaign.services import Services
from controller.records.flags import Flag
from controller.status import Refusal
from subjects.protocol import EvalSubject

RETRY_SECONDS = 1.0


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
        while refusal := await self._refusal(subject, params):
            board.alive()
            if board.row.phase is Phase.RUNNING:
                board.change(refusal=refusal)
            else:
                await board.enter(Phase.PENDING, refusal.reason, refusal.message, refusal=refusal)
            if self._services.now() > board.refused_since + timedelta(seconds=limit):
                why = f"waited in vain for startDeadlineSeconds ({limit} s): {refusal.message}"
                raise Impossible("StartDeadlineExceeded", why)
            await self._control.guard(asyncio.sleep(RETRY_SECONDS))
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

    async def _refusal(self, subject: EvalSubject, params: BaseModel) -> Refusal | None:
        namespace, kube = self._board.row.namespace, self._services.kube
        try:
            workload = self._services.workload(self._spec)
            asking = require_permission(self._spec, namespace, subject, params, kube, workload, self._services.consent)
            await self._control.guard(asking)
        except NotYet as not_yet:
            return not_yet.refusal
        return None
