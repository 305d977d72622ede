"""The door for agent sources: what one is, what it is given, and how a campaign's source is found and opened.

A source is a plug-in: an entry point of the group `evalcampaign.agent_sources` whose name is the value of
`spec.agent.source` and whose object is an AgentSourcePlugin. docs/agents/sources.md shows how to write one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from controller.agents.protocol import (
    AgentSource,
    AgentUnreadable,
    CommandLog,
    Cursor,
    FilePolicy,
    PollResult,
    Ticket,
)
from controller.api import Agent, Source
from controller.records import Records
from controller.text import truncate_bytes
from controller.usererror import UserError
from controller.validation import describe_invalid
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.plugins import BrokenPlugin, UnknownPlugin, find_plugins, load_plugin

log = logging.getLogger(__name__)

GROUP = "evalcampaign.agent_sources"

MAX_ERRORS = 5
"""The most errors in options that one message lists."""

ERROR_CHARACTERS = 300

OptionsT = TypeVar("OptionsT", bound=BaseModel)


class InvalidSource(UserError):
    """The campaign's source can never be opened by this controller; the text says why."""


class TokenIssuer(Protocol):
    """Lets the agent of a campaign send over HTTP."""

    async def issue(self, campaign_uid: str) -> None:
        """Accepts the campaign's token from now on. Raises ClusterError, ClusterUnreachable."""
        ...

    async def revoke(self, campaign_uid: str) -> None:
        """Rejects it from now on. Raises ClusterError, ClusterUnreachable."""
        ...


@dataclass(frozen=True, slots=True)
class SourceContext:
    """The context of a source, which it gets beside its options.

    `now` is the controller's clock, UTC. `records` holds what was sent over HTTP. `tokens` is None where the controller
    takes nothing over HTTP, and `files` is None where it reads no files of agents.
    """

    campaign_uid: str
    now: Callable[[], datetime]
    records: Records
    tokens: TokenIssuer | None = None
    files: FilePolicy | None = None


async def _nothing(context: SourceContext) -> None:
    pass


@dataclass(frozen=True, slots=True)
class AgentSourcePlugin(Generic[OptionsT]):
    """A kind of source. `options` is the model of `spec.agent.sourceOptions`; it should forbid unknown options.

    `open` is called once for a campaign, and again after a restart of the controller. It raises InvalidSource where the
    source can never be opened, and ClusterUnreachable to be called again. `end` is called when the campaign has ended,
    perhaps more than once; it raises ClusterError and ClusterUnreachable.
    """

    options: type[OptionsT]
    open: Callable[[OptionsT, SourceContext], Awaitable[AgentSource]]
    end: Callable[[SourceContext], Awaitable[None]] = _nothing


class AgentSources:
    """Opens the sources of campaigns."""

    def __init__(
        self,
        records: Records,
        now: Callable[[], datetime],
        tokens: TokenIssuer | None = None,
        files: FilePolicy | None = None,
    ) -> None:
        self._records = records
        self._now = now
        self._tokens = tokens
        self._files = files

    async def open(self, agent: Agent, campaign_uid: str) -> AgentSource | None:
        """Returns the campaign's source, or None where it names none. Raises InvalidSource, ClusterUnreachable."""
        if agent.source == Source.NONE:
            return None
        plugin = _load(agent.source)
        try:
            opened: Any = await plugin.open(_options(plugin, agent), self._context(campaign_uid))
        except (InvalidSource, ClusterUnreachable):
            raise
        except Exception as error:
            log.exception("agent.source %s could not be opened", agent.source)
            raise InvalidSource(f"agent.source {agent.source} cannot be opened: {_describe(error)}") from error
        if not isinstance(opened, AgentSource):
            what = type(opened).__name__
            raise InvalidSource(f"agent.source {agent.source} opened a {what}, which is no AgentSource")
        return GuardedSource(agent.source, opened, self._now)

    async def end(self, agent: Agent, campaign_uid: str) -> None:
        """Tells the source's plug-in that the campaign has ended. Raises ClusterError, ClusterUnreachable."""
        if agent.source == Source.NONE:
            return
        try:
            plugin = _load(agent.source)
        except InvalidSource:
            return  # it was never opened
        try:
            await plugin.end(self._context(campaign_uid))
        except (ClusterError, ClusterUnreachable):
            raise
        except Exception:
            log.exception("agent.source %s did not end campaign %s", agent.source, campaign_uid)

    def _context(self, campaign_uid: str) -> SourceContext:
        return SourceContext(campaign_uid, self._now, self._records, self._tokens, self._files)


class GuardedSource:
    """An AgentSource around that of a plug-in: whatever it raises is AgentUnreadable, so that an attempt can go on."""

    def __init__(self, name: str, source: AgentSource, now: Callable[[], datetime]) -> None:
        self._name = name
        self.wrapped = source
        self._now = now

    async def current_cursor(self) -> Cursor:
        """See the protocol."""
        with self._unreadable():
            return await self.wrapped.current_cursor()

    async def poll(self, cursor: Cursor) -> PollResult:
        """See the protocol."""
        at = self._now()
        try:
            with self._unreadable():
                return await self.wrapped.poll(cursor)
        except AgentUnreadable as error:
            return PollResult(at, error=str(error))

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        """See the protocol."""
        with self._unreadable():
            return await self.wrapped.read_commands(cursor, tickets)

    async def close(self) -> None:
        """See the protocol."""
        try:
            await self.wrapped.close()
        except Exception:
            log.exception("agent.source %s was not closed", self._name)

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        try:
            yield
        except AgentUnreadable:
            raise
        except Exception as error:
            log.exception("agent.source %s cannot be read", self._name)
            raise AgentUnreadable(f"agent.source {self._name} cannot be read: {_describe(error)}") from error


def source_names() -> tuple[str, ...]:
    """Returns the values of `spec.agent.source` that this controller knows."""
    return Source.NONE.value, *find_plugins(GROUP)


def _load(name: str) -> AgentSourcePlugin[Any]:
    try:
        plugin = load_plugin(GROUP, name)
    except UnknownPlugin:
        known = ", ".join(source_names())
        raise InvalidSource(f"agent.source {name} is unknown; this controller knows {known}") from None
    except BrokenPlugin as broken:
        raise InvalidSource(f"agent.source {broken}") from None
    if not isinstance(plugin, AgentSourcePlugin):
        raise InvalidSource(f"agent.source {name} names a {type(plugin).__name__}, which is no AgentSourcePlugin")
    return plugin


def _describe(error: Exception) -> str:
    return truncate_bytes(f"{type(error).__name__}: {error}", ERROR_CHARACTERS)


def _options(plugin: AgentSourcePlugin[OptionsT], agent: Agent) -> OptionsT:
    try:
        return plugin.options.model_validate(agent.options_of_source())
    except ValidationError as invalid:
        found = describe_invalid(invalid, "options", max_errors=MAX_ERRORS, length=ERROR_CHARACTERS, tell_more=True)
        raise InvalidSource(f"agent.source {agent.source} does not take its options: {found}") from None
