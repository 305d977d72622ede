"""What clients ask of a region. A put is acknowledged when a majority of the region's peers has it, and never before.

A get goes through the log too. In TiKV a leader's lease spares it that; the answer is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..raft.message import Entry
from ..region import Region
from .replica import Replica

Question = Mapping[str, Any]
"""op (put or get), region, version, store (0 where the client names none), key and value in hexadecimal."""


def refusal(question: Question, store: int, replica: Replica | None) -> dict[str, Any] | None:
    """TiKV's region error, or None where the question may be proposed."""
    if question["store"] not in (0, store):
        return {"error": "store_not_match", "asked": question["store"], "store": store}
    if replica is None or not replica.region.peers:
        return {"error": "region_not_found"}
    if not replica.leads:
        leader = replica.leader
        return {"error": "not_leader", "leader": leader.to_json() if leader is not None else None}
    if question["version"] != replica.region.version:
        return _moved(replica.region)
    if not replica.region.contains(question["key"]):
        return {"error": "key_not_in_region", "start": replica.region.start, "end": replica.region.end}
    return None


def _moved(region: Region) -> dict[str, Any]:
    return {"error": "epoch_not_match", "regions": [region.to_json()]}


class Requests:
    """Those that were proposed and are neither committed nor lost."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], tuple[int, int]] = {}
        """By region and index: the term, and the ticket."""

    def propose(self, ticket: int, question: Question, replica: Replica) -> dict[str, Any] | None:
        """A refusal, or None: then `settle` answers."""
        command = {name: question[name] for name in ("op", "version", "key", "value") if name in question}
        entry = replica.peer.propose(command)
        if entry is None:
            return {"error": "proposal_dropped"}
        if question["op"] == "put":
            replica.written[0] += (len(question["key"]) + len(question["value"])) // 2
            replica.written[1] += 1
        self._waiting[replica.region.id, entry.index] = (entry.term, ticket)
        return None

    def settle(self, replica: Replica, applied: list[tuple[Entry, Any]]) -> list[tuple[int, dict[str, Any]]]:
        """Answers, by ticket, after something happened to the region's peer."""
        region, answers = replica.region.id, []
        for entry, result in applied:
            if (waiting := self._waiting.pop((region, entry.index), None)) is not None:
                term, ticket = waiting
                answers.append((ticket, _result(result) if term == entry.term else {"error": "stale_command"}))
        if not replica.leads:
            for at in [at for at in self._waiting if at[0] == region]:
                answers.append((self._waiting.pop(at)[1], {"error": "stale_command"}))
        return answers


def _result(result: Any) -> dict[str, Any]:
    return _moved(result) if isinstance(result, Region) else {"value": result}
