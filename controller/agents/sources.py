"""How a campaign comes by the source it names."""

from __future__ import annotations

from typing import Protocol

from controller.agents.protocol import AgentSource
from controller.api import Agent, Source


class NoSuchSource(Exception):
    """The campaign asks for a source that there can never be here; the text says why."""


class Sources(Protocol):
    """What opens sources."""

    async def open(self, agent: Agent, campaign_uid: str) -> AgentSource | None:
        """The campaign's source; None where it names none. Raises NoSuchSource, or ClusterUnreachable for a while."""
        ...


class NoSources:
    """For a controller that takes no agent's work."""

    async def open(self, agent: Agent, campaign_uid: str) -> AgentSource | None:
        """Only none can be had."""
        if agent.source is Source.NONE:
            return None
        raise NoSuchSource(f"this controller has no source {agent.source}")
