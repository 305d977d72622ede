"""Stores what agents send: tickets, sessions, log entries. Repeats are stored once; a ticket's last version counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, case, func, select, update

from controller.records.errors import InboxFull
from controller.records.quota import LogQuota, size_of
from controller.records.schema import agent_entries, agent_sessions, agent_tickets, attempts
from controller.text import truncate_bytes

MAX_TICKETS = 1_000
"""In one attempt, so that a flood in one never costs the detection in another."""

LONG_TICKETS = 1_000
SHORT_BYTES = 256
"""Of one campaign so many keep their message whole; what is beyond keeps its beginning."""

MAX_SESSIONS = 1_000
MAX_ENTRIES = 50_000
"""Of one campaign. An agent in a loop must not fill the disk that the records are on."""

Values = Mapping[str, Any]


def put_ticket(connection: Connection, campaign: str, id_: str, values: Values, at: datetime) -> None:
    """Writes a ticket, or what is new of it. When it and its resolution arrived is kept from the first time."""
    known = connection.execute(_one(agent_tickets, campaign, id_)).mappings().one_or_none()
    resolution = {"resolution_arrived_at": at} if values["resolved"] else {}
    if _count(connection, agent_tickets, campaign) >= LONG_TICKETS:
        values = {**values, "message": truncate_bytes(values["message"], SHORT_BYTES)}
    if known is None:
        _require_ticket_quota(connection, campaign)
        row = {"campaign_uid": campaign, "id": id_, "arrived_at": at, **values, **resolution}
        connection.execute(agent_tickets.insert().values(row))
        return
    changed = {**values, **({} if known["resolution_arrived_at"] else resolution)}
    connection.execute(update(agent_tickets).where(agent_tickets.c.number == known["number"]).values(changed))


def put_session(connection: Connection, campaign: str, id_: str, values: Values) -> None:
    """Writes a session, or what is new of it."""
    if connection.execute(_one(agent_sessions, campaign, id_)).one_or_none() is None:
        _require_quota(connection, agent_sessions, campaign, MAX_SESSIONS)
        connection.execute(agent_sessions.insert().values({"campaign_uid": campaign, "id": id_, **values}))
        return
    which = (agent_sessions.c.campaign_uid == campaign) & (agent_sessions.c.id == id_)
    connection.execute(update(agent_sessions).where(which).values(dict(values)))


def add_entries(
    connection: Connection, campaign: str, entries: Sequence[Values], at: datetime, log_quota: LogQuota | None = None
) -> int:
    """Writes the entries that are not there yet, identified by session and sequence; returns how many bytes they take.

    Raises InboxFull, or, by `log_quota`, DiskFull; then none of them is written.
    """
    sessions = {entry["session"] for entry in entries}
    query = select(agent_entries.c.session, agent_entries.c.sequence).where(
        agent_entries.c.campaign_uid == campaign, agent_entries.c.session.in_(sessions)
    )
    known = {(row.session, row.sequence) for row in connection.execute(query)}
    new = {(entry["session"], entry["sequence"]): entry for entry in entries}
    rows = [{"campaign_uid": campaign, "arrived_at": at, **entry} for key, entry in new.items() if key not in known]
    if rows:
        _require_quota(connection, agent_entries, campaign, MAX_ENTRIES - len(rows) + 1)
        if log_quota is not None:
            log_quota.check(connection, campaign, size_of(rows))
        connection.execute(agent_entries.insert(), rows)
    return size_of(rows)


def last_numbers(connection: Connection, campaign: str) -> tuple[int, int]:
    """Returns the highest numbers of the campaign's tickets and entries; 0 where there are none."""
    tickets, entries = (
        connection.scalar(select(func.max(table.c.number)).where(table.c.campaign_uid == campaign)) or 0
        for table in (agent_tickets, agent_entries)
    )
    return tickets, entries


def tickets(connection: Connection, campaign: str, above: int) -> list[RowMapping]:
    """Returns the campaign's tickets with higher numbers, ascending."""
    query = select(agent_tickets).where(agent_tickets.c.campaign_uid == campaign, agent_tickets.c.number > above)
    return list(connection.execute(query.order_by(agent_tickets.c.number)).mappings())


def count_sessions(connection: Connection, campaign: str, ticket_ids: Sequence[str]) -> int:
    """Returns how many sessions worked on these tickets."""
    return connection.scalar(select(func.count()).select_from(_sessions(campaign, ticket_ids).subquery())) or 0


def calls(connection: Connection, campaign: str, ticket_ids: Sequence[str], above: int) -> list[RowMapping]:
    """Returns tool calls and reasoning of the sessions of these tickets, above a number, by session and sequence.

    The answers of tools are left out (their `content` is empty), because they are by far the largest part.
    """
    columns = [column for column in agent_entries.c if column.name != "content"]
    text = case((agent_entries.c.type == "reasoning", agent_entries.c.content), else_="").label("content")
    query = select(*columns, text).where(
        agent_entries.c.campaign_uid == campaign,
        agent_entries.c.number > above,
        agent_entries.c.session.in_(_sessions(campaign, ticket_ids)),
    )
    return list(connection.execute(query.order_by(agent_entries.c.session, agent_entries.c.sequence)).mappings())


def _sessions(campaign: str, ticket_ids: Sequence[str]) -> Select[tuple[str]]:
    return select(agent_sessions.c.id).where(
        agent_sessions.c.campaign_uid == campaign, agent_sessions.c.ticket.in_(ticket_ids)
    )


def _one(table: Table, campaign: str, id_: str) -> Any:
    return select(table).where(table.c.campaign_uid == campaign, table.c.id == id_)


def _require_quota(connection: Connection, table: Table, campaign: str, most: int) -> None:
    count = _count(connection, table, campaign)
    if count >= most:
        what = table.name.removeprefix("agent_")
        raise InboxFull(f"all the {what} that are kept are there ({count}); no more are taken")


def _require_ticket_quota(connection: Connection, campaign: str) -> None:
    """Raises InboxFull where the running attempt, or the time since the last one, has its tickets."""
    begun = select(func.max(attempts.c.started_at)).where(attempts.c.campaign_uid == campaign)
    since = connection.scalar(begun)
    of_attempt = agent_tickets.c.campaign_uid == campaign
    if since is not None:
        of_attempt &= agent_tickets.c.arrived_at >= since
    count = connection.scalar(select(func.count()).select_from(agent_tickets).where(of_attempt)) or 0
    if count >= MAX_TICKETS:
        raise InboxFull(f"all the tickets that are kept are there ({count}); no more are taken")


def _count(connection: Connection, table: Table, campaign: str) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(table.c.campaign_uid == campaign)) or 0


MAX_UNWRITTEN_TICKETS = 1_000


class RejectedWrites:
    """What agents sent and was not kept, by campaign: an attempt in which that happened must say so.

    Kept in memory only, because an attempt does not outlive the process either.
    """

    def __init__(self) -> None:
        self._logs: Counter[str] = Counter()
        self._tickets: defaultdict[str, set[str]] = defaultdict(set)

    def count_log(self, campaign: str) -> None:
        """Counts a log or a session that was refused; the agent may not send it again."""
        self._logs[campaign] += 1

    def logs(self, campaign: str) -> int:
        """Returns how many logs and sessions were refused since the process began."""
        return self._logs[campaign]

    def add_ticket(self, campaign: str, ticket: str) -> None:
        """Notes a ticket that could not be written, for reasons that are not the agent's."""
        if len(self._tickets[campaign]) < MAX_UNWRITTEN_TICKETS:
            self._tickets[campaign].add(ticket)

    def remove_ticket(self, campaign: str, ticket: str) -> None:
        """Notes that the ticket came again and was written."""
        if campaign in self._tickets:
            self._tickets[campaign].discard(ticket)

    def tickets(self, campaign: str) -> int:
        """Returns how many tickets came and are not written yet."""
        return len(self._tickets[campaign]) if campaign in self._tickets else 0

    def clear_tickets(self, campaign: str) -> None:
        """Forgets the tickets that were not written: they belong to no attempt that runs."""
        self._tickets.pop(campaign, None)

    def forget(self, campaign: str) -> None:
        """Forgets the campaign."""
        self._logs.pop(campaign, None)
        self.clear_tickets(campaign)
