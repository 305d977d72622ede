"""The cluster as such, its PD members, and their leader."""

from __future__ import annotations

from ..views import timestamp
from .routes import Answer, Call, route


@route("GET", "/members", bootstrapped=False)
def members(call: Call) -> Answer:
    return Answer(200, call.lead.member.members_info())


@route("GET", "/leader", bootstrapped=False)
def leader(call: Call) -> Answer:
    return Answer(200, call.lead.member.leader_info())


@route("POST", "/leader/resign", bootstrapped=False)
def resign(call: Call) -> Answer:
    call.lead.member.resign(call.now)
    return Answer(200, "The resign command is submitted.")


@route("POST", "/leader/transfer/(.+)", bootstrapped=False)
def transfer(call: Call) -> Answer:
    if not call.lead.member.resign(call.now, call.groups[0]):
        return Answer(500, f"not found, pd: {call.groups[0]}")
    return Answer(200, "The transfer command is submitted.")


@route("GET", "/cluster", bootstrapped=False)
def cluster(call: Call) -> Answer:
    return Answer(200, {"id": call.lead.cluster.ledger.cluster, "max_peer_count": call.lead.cluster.max_replicas})


@route("GET", "/cluster/status", bootstrapped=False)
def status(call: Call) -> Answer:
    at = call.lead.cluster.ledger.bootstrapped
    told = {"is_initialized": _is_initialized(call), "replication_status": ""}
    return Answer(200, {"raft_bootstrap_time": timestamp(at), **told} if at else told)


def _is_initialized(call: Call) -> bool:
    """Whether there is redundancy, or was: a cluster of several regions has been replicated."""
    cluster, regions = call.lead.cluster, call.lead.cluster.regions()
    if len(regions) != 1:
        return len(regions) > 1
    (only,) = regions
    return len(only.region.peers) >= cluster.max_replicas and not cluster.life(only.region.id).pending
