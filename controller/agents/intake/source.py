"""The source `http`: it reads from the records what was sent over HTTP, with our own time of arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping

from controller.agents.commands import MAX_COMMANDS, TOOL_CALL, LogEntry, completeness, exit_codes, extract_reasoning
from controller.agents.protocol import AgentUnreadable, Command, CommandLog, Cursor, PollResult, Ticket
from controller.agents.sources import AgentSourcePlugin, InvalidSource, SourceContext
from controller.records import Records, RecordsError, inbox
from subjects.cluster import ClusterError


class HttpSource:
    """Implements `AgentSource` for one campaign. It owns nothing: the records belong to whoever opened them."""

    def __init__(self, records: Records, campaign_uid: str, now: Callable[[], datetime]) -> None:
        self._records = records
        self._campaign = campaign_uid
        self._now = now
        self._lost_before = 0

    async def current_cursor(self) -> Cursor:
        """See the protocol."""
        at = self._now()
        try:
            tickets, entries = await self._records.read_at_once(lambda c: inbox.last_numbers(c, self._campaign))
        except RecordsError as error:
            raise AgentUnreadable(str(error)) from None
        self._lost_before = self._records.rejected.logs(self._campaign)
        self._records.rejected.clear_tickets(self._campaign)
        return Cursor(at, tickets, entries)

    async def poll(self, cursor: Cursor) -> PollResult:
        """See the protocol."""
        at = self._now()
        try:
            rows = await self._records.read_at_once(lambda c: inbox.tickets(c, self._campaign, cursor.ticket))
        except RecordsError as error:
            return PollResult(at, error=str(error))
        if missed := self._records.rejected.tickets(self._campaign):
            # Whether they are about the fault is unknown until they are sent again.
            return PollResult(at, error=f"{missed} tickets came while the records could not be written")
        return PollResult(at, tuple(_ticket(row) for row in rows))

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        """See the protocol. They were classified and masked when they arrived."""
        if not tickets:
            return CommandLog()
        ids = [ticket.id for ticket in tickets]
        try:
            sessions, rows = await self._records.read_at_once(
                lambda c: (
                    inbox.count_sessions(c, self._campaign, ids),
                    inbox.calls(c, self._campaign, ids, cursor.entry),
                )
            )
        except RecordsError as error:
            raise AgentUnreadable(str(error)) from None
        if not sessions and any(ticket.resolved for ticket in tickets):
            # An agent that resolves tickets ran something and did not send it.
            return CommandLog(complete=False, reason="no session that worked on these tickets was sent")
        commands = _commands(rows)
        reasoning = extract_reasoning(
            LogEntry(row["type"], row["session"], at=_at(row), text=row["content"]) for row in rows
        )
        complete, reason = completeness(len(commands))
        if lost := self._records.rejected.logs(self._campaign) - self._lost_before:
            refused = f"{lost} requests with logs or sessions were refused"
            complete, reason = False, f"{refused}; {reason}" if reason else refused
        return CommandLog(tuple(commands[:MAX_COMMANDS]), complete, reason, reasoning)

    async def close(self) -> None:
        """Drops what is remembered of the campaign. Nothing is open."""
        self._records.rejected.forget(self._campaign)
        self._records.log_quota.forget(self._campaign)


def _ticket(row: RowMapping) -> Ticket:
    return Ticket(
        number=row["number"],
        id=row["id"],
        subject=row["subject"],
        message=row["message"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        resolved=row["resolved"],
        arrived_at=row["arrived_at"],
        resolution_arrived_at=row["resolution_arrived_at"],
    )


def _commands(rows: Sequence[RowMapping]) -> list[Command]:
    codes = exit_codes([LogEntry(row["type"], row["session"], row["tool"], row["exit_code"]) for row in rows])
    return [
        Command(
            at=_at(row),
            session=row["session"],
            tool=row["tool"],
            command=row["command"],
            exit_code=code,
            mutating=row["mutating"],
            destructive=row["destructive"],
            reason=row["why"],
        )
        for row, code in zip(rows, codes, strict=True)
        if row["type"] == TOOL_CALL
    ]


def _at(row: RowMapping) -> datetime:
    at: datetime = row["at"] or row["arrived_at"]
    return at


class NoOptions(BaseModel):
    """The source http takes no options."""

    model_config = ConfigDict(extra="forbid")


async def _open(_: NoOptions, context: SourceContext) -> HttpSource:
    if context.tokens is None:
        raise InvalidSource(
            "this controller takes nothing over HTTP: EVALCAMPAIGN_INTAKE_PORT is not set where it runs"
        )
    try:
        await context.tokens.issue(context.campaign_uid)
    except ClusterError as error:
        raise InvalidSource(f"the token of this campaign cannot be kept in a Secret: {error}") from None
    return HttpSource(context.records, context.campaign_uid, context.now)


async def _end(context: SourceContext) -> None:
    """Revokes the campaign's token."""
    if context.tokens is not None:
        await context.tokens.revoke(context.campaign_uid)


HTTP = AgentSourcePlugin(NoOptions, _open, _end)
"""The entry point `http`."""
