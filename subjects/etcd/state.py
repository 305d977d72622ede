"""The state of an etcd at one instant, as JSON for the record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from subjects.cluster import Pod, Workload
from subjects.etcd.api import EtcdQuery, health_problem, list_pods, read_members, read_status, refusal, send_query
from subjects.etcd.oracle import ORACLE_VERSION
from subjects.pods import describe_pod, describe_workload
from subjects.protocol import Json, SubjectContext
from subjects.watching.polling import QueryResult

CAPTURED = (EtcdQuery.HEALTH, EtcdQuery.STATUS, EtcdQuery.MEMBERS)


async def capture(context: SubjectContext, workload: Workload, timeout: float) -> dict[str, Json]:
    """Returns pods and members as they are. A member that does not answer within `timeout` seconds is part of it."""
    pods = await list_pods(context)
    sent = [(name, query) for name, pod in sorted(pods.items()) if pod.ip for query in CAPTURED]
    results = await asyncio.gather(*(send_query(context, pods[name], query, timeout) for name, query in sent))
    return describe(workload, pods, dict(zip(sent, results, strict=True)))


def describe(
    workload: Workload, pods: Mapping[str, Pod], results: Mapping[tuple[str, EtcdQuery], QueryResult]
) -> dict[str, Json]:
    """Returns the state. `leader` is a pod's name; null where there is none or several."""
    members = {name: _member(name, results) for name in sorted(pods)}
    by_id = {member["id"]: name for name, member in members.items() if member.get("id")}
    leaders = {member["leader"] for member in members.values() if member.get("leader")}
    return {
        "oracle": ORACLE_VERSION,
        "workload": describe_workload(workload),
        "pods": {name: describe_pod(pod) for name, pod in sorted(pods.items())},
        "members": members,
        "leader": by_id.get(leaders.pop()) if len(leaders) == 1 else None,
    }


def _member(name: str, results: Mapping[tuple[str, EtcdQuery], QueryResult]) -> dict[str, Json]:
    """Returns one member by its own answers. `error` says why a query has none; ids are strings, as in etcd's JSON."""
    member: dict[str, Any] = {}
    for query in CAPTURED:
        result = results.get((name, query))
        if result is None or result.answer is None:
            member["error"] = result.error if result is not None else "the pod has no address"
        elif query is EtcdQuery.HEALTH:
            problem = health_problem(result.answer)
            member |= {"healthy": problem is None} | ({"reason": problem} if problem else {})
        elif query is EtcdQuery.MEMBERS:
            member["lists"] = list(read_members(result.answer) or ())
        elif (status := read_status(result.answer)) is None:
            member["error"] = refusal(result.answer)
        else:
            member |= {"id": status.member_id, "leader": status.leader, "version": status.version}
            member |= {
                key: result.answer.body[key] for key in ("raftTerm", "raftIndex", "dbSize") if key in result.answer.body
            }
            member["errors"] = list(status.errors)
    return member
