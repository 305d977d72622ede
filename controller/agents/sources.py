"""How a campaign comes by the source it names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol

from controller.agents.intake.source import HttpSource
from controller.agents.operatordb.file import Bounds
from controller.agents.operatordb.source import OperatorDb
from controller.agents.operatordb.times import NoSuchZone, zone_of
from controller.agents.protocol import AgentSource, AgentUnreadable
from controller.api import Agent, Source
from controller.records import Records
from controller.usererror import UserError
from subjects.cluster import ClusterError


class NoSuchSource(UserError):
    """The campaign asks for a source that there can never be here; the text says why."""


class Tokens(Protocol):
    """What lets an agent send."""

    async def admit(self, campaign_uid: str) -> None:
        """From now on whoever has the campaign's token may send. Raises ClusterError, ClusterUnreachable."""
        ...

    async def dismiss(self, campaign_uid: str) -> None:
        """Nobody may any more. Raises likewise."""
        ...


class AgentSources:
    """Opens them. `tokens` is None where nothing is taken over HTTP, `files` where no agent's file is read."""

    def __init__(
        self,
        records: Records,
        now: Callable[[], datetime],
        tokens: Tokens | None = None,
        files: Bounds | None = None,
    ) -> None:
        self._records = records
        self._now = now
        self._tokens = tokens
        self._files = files

    async def open(self, agent: Agent, campaign_uid: str) -> AgentSource | None:
        """The campaign's source; None where it names none. Raises NoSuchSource, or ClusterUnreachable for a while."""
        match agent.source:
            case Source.NONE:
                return None
            case Source.OPERATOR_DB:
                return await self._file(Path(agent.path), _zone(agent.time_zone))
            case Source.HTTP:
                await self._admit(campaign_uid)
                return HttpSource(self._records, campaign_uid, self._now)

    async def _file(self, path: Path, zone: tzinfo) -> OperatorDb:
        if self._files is None:
            raise NoSuchSource(
                f"agent.path {path} is not read: EVALCAMPAIGN_AGENT_FILES, the folder below which agents' files may"
                " lie, is not set where this controller runs; let `evalcampaign forward` send the file, with"
                " agent.source http"
            )
        source = OperatorDb(path, zone, self._now, self._files)
        try:
            refusal = await source.refusal()
        except AgentUnreadable:
            return source  # each look says so, until it comes right
        finally:
            await source.close()  # who waits for a turn needs no process; the first look starts one
        if refusal is not None:
            raise NoSuchSource(f"agent.path {refusal}")
        return source

    async def _admit(self, campaign_uid: str) -> None:
        if self._tokens is None:
            raise NoSuchSource(
                "this controller takes nothing over HTTP: EVALCAMPAIGN_INTAKE_PORT is not set where it runs"
            )
        try:
            await self._tokens.admit(campaign_uid)
        except ClusterError as error:
            raise NoSuchSource(f"the token of this campaign cannot be kept in a Secret: {error}") from None


def _zone(name: str) -> tzinfo:
    try:
        return zone_of(name)
    except NoSuchZone as none:
        raise NoSuchSource(f"agent.timeZone {none}") from None
