"""Bringing etcd to its known state once its pods are there: the first member leads.

etcd has one leader for everything, so there is nothing to spread as in a store of many regions. Instead leadership is
always moved to the lowest ordinal: trials begin alike, and a random target meets the leader in one trial of as many as
there are members. `capture_state` says where the leader was.

Returns when that is done and seen to be done; never gives up by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from subjects.cluster import ClusterError, MemberRequest, MemberUnreachable, Pod, Workload
from subjects.etcd.api import (
    CLIENT_PORT,
    TRANSFER_PATH,
    EtcdPollSettings,
    EtcdQuery,
    Status,
    list_pods,
    read_status,
    refusal,
    send_query,
    transfer_body,
)
from subjects.pods import member_names
from subjects.protocol import Report, SubjectContext, SubjectError
from subjects.watching.polling import QueryResult

REFUSED = (400, 401, 403)
"""What etcd's gateway answers those who are no user of it: InvalidArgument, Unauthenticated, PermissionDenied."""

TRANSFER_TIMEOUT_SECONDS = 5.0
"""etcd answers a transfer when the new leader is there: several elections' length if a member is slow."""


def agreed_leader(statuses: Mapping[str, Status]) -> str | None:
    """Returns the pod that all these members name as leader; None while they differ or it is not one of them."""
    leaders = {status.leader for status in statuses.values()}
    return next((name for name, status in statuses.items() if leaders == {status.member_id}), None)


async def move_leadership(
    context: SubjectContext, workload: Workload, polling: EtcdPollSettings, report: Report
) -> None:
    """Makes the first member the leader; returns when every member says that it is.

    Waits until all of them answer and agree: with one away, its return could move the leader again. `report`
    receives what it waits for. SubjectError where all of them refuse to answer us.
    """
    names = member_names(workload)
    first = names[0]
    while True:
        pods = await list_pods(context)
        present = [pods[name] for name in names if name in pods and pods[name].ip]
        results = await asyncio.gather(
            *(send_query(context, pod, EtcdQuery.STATUS, polling.timeout) for pod in present)
        )
        statuses = {
            pod.name: status
            for pod, result in zip(present, results, strict=True)
            if result.answer is not None and (status := read_status(result.answer)) is not None
        }
        if statuses.keys() == set(names):
            leader = agreed_leader(statuses)
            if leader == first:
                return
            if leader is not None:
                await _transfer(context, pods[leader], statuses[first].member_id)
            report(f"{leader} leads and is to hand over to {first}" if leader else "the members do not agree who leads")
        else:
            answers = {pod.name: result for pod, result in zip(present, results, strict=True)}
            if (why := locked_out(answers)) is not None and answers.keys() == set(names):
                raise SubjectError(why)
            missing = (f"{name} ({_why(answers.get(name))})" for name in names if name not in statuses)
            report(f"no answer yet to the question who leads, of {', '.join(missing)}")
        await asyncio.sleep(polling.period)


def locked_out(answers: Mapping[str, QueryResult]) -> str | None:
    """Returns why no member will ever answer us, in a sentence; None where one may. Pure.

    With authentication switched on, etcd refuses everything but its health and its members' names without a user's
    token, and no answer changes that: to wait would be to wait for the deadline.
    """
    refused = [result.answer for result in answers.values() if result.answer and result.answer.status in REFUSED]
    if not refused or len(refused) < len(answers):
        return None
    return f"every member refuses to say who leads ({refusal(refused[0])}): this etcd asks for a user, and we have none"


def _why(result: QueryResult | None) -> str:
    if result is None:
        return "it has no pod with an address"
    return refusal(result.answer) if result.answer is not None else result.error


async def _transfer(context: SubjectContext, leader: Pod, to_member_id: str) -> None:
    """Asks the leader to hand over. The next query shows whether it did, so a refusal needs no handling."""
    body = transfer_body(to_member_id)
    request = MemberRequest(context.namespace, leader, CLIENT_PORT, TRANSFER_PATH, TRANSFER_TIMEOUT_SECONDS, body)
    with suppress(MemberUnreachable, ClusterError):
        await context.cluster.ask_member(request)
