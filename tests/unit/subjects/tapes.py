"""Short questions to a tape, for tests: what PD says, who confirms to lead, who answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.tape import Reply, Silence, Tape
from tests.support.tape.reading import FOLDER

V1 = "/pd/api/v1"
PODS = ("tikv-0", "tikv-1", "tikv-2")


def recorded(name: str) -> Any:
    """A file of the recordings as JSON."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def pd(tape: Tape, t: float, path: str, member: str = "pd-1") -> Any:
    """The body of a member's answer. pd-1 is the one that no recording touches."""
    reply = tape.answer(t, "pd", member, f"{V1}{path}")
    assert isinstance(reply, Reply)
    assert reply.status == 200
    return reply.body


def states(tape: Tape, t: float) -> Mapping[str, str]:
    """Pod name to the store's state as PD has it."""
    return {pod_of(each): each["store"]["state_name"] for each in pd(tape, t, "/stores")["stores"]}


def pod_of(each: Any) -> str:
    return str(each["store"]["address"].split(".")[0])


def leader(tape: Tape, t: float, region: int) -> str:
    """The pod of the store that PD names as this region's leader."""
    named = {each["store"]["id"]: pod_of(each) for each in pd(tape, t, "/stores")["stores"]}
    return named[pd(tape, t, f"/region/id/{region}")["leader"]["store_id"]]


def confirming(tape: Tape, t: float, region: int) -> list[str]:
    """The pods whose own status port says that they lead this region."""
    replies = {pod: tape.answer(t, "tikv", pod, f"/region/{region}") for pod in PODS}
    return [pod for pod, reply in replies.items() if isinstance(reply, Reply) and raft_state(reply) == "Leader"]


def raft_state(reply: Reply) -> str:
    return str(reply.body["raft_status"]["soft_state"]["raft_state"])


def serving(tape: Tape, t: float) -> bool:
    """Whether for every region the store that PD names confirms it."""
    regions = [region["id"] for region in pd(tape, t, "/regions")["regions"]]
    return all(leader(tape, t, region) in confirming(tape, t, region) for region in regions)


def silent(tape: Tape, t: float) -> Mapping[str, Silence]:
    """The stores that do not answer on their status port, and how."""
    replies = {pod: tape.answer(t, "tikv", pod, "/status") for pod in PODS}
    return {pod: reply for pod, reply in replies.items() if isinstance(reply, Silence)}


def wrote(tape: Tape, t: float) -> bool | None:
    """Whether a write asked at that time goes through."""
    write = tape.write(t)
    return None if write is None else write.ok
