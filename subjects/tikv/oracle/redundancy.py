"""Whether every store and every replica is where it should be, by PD's answers and the stores' own. Pure.

PD's view of a store may be outdated: its leader keeps the times of heartbeats in memory, so that after a change of
leader all stores look Down for seconds. A store that PD misses and that answers us itself is therefore *unheard*, not
down; only one that is silent as well is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from subjects.pods import member_names
from subjects.protocol import Problem
from subjects.tikv.members.queries import ALIVE, TIKV
from subjects.tikv.members.schemas import Peer, Region, StoreInfo, Stores
from subjects.tikv.oracle.observations import TikvObservations
from subjects.watching.polling import QueryResult

SLACK_SECONDS = 1.0
"""How late a heartbeat may be on a busy machine."""

LEARNER = "Learner"

UP, OFFLINE, TOMBSTONE = "Up", "Offline", "Tombstone"


def silent_stores(observations: TikvObservations) -> dict[str, QueryResult]:
    """Returns the stores that were queried and did not answer, by pod name."""
    results = {name: observations.result(pod, ALIVE) for name, pod in observations.present(TIKV).items()}
    return {name: result for name, result in results.items() if result is not None and result.answer is None}


def unseen_stores(observations: TikvObservations) -> Iterator[Problem]:
    """Returns the stores whose first answer is still on its way."""
    for name, pod in observations.present(TIKV).items():
        if observations.result(pod, ALIVE) is None:
            yield Problem("StoreUnseen", f"{name} has not answered yet", name)


def store_problems(observations: TikvObservations, stores: Stores) -> Iterator[Problem]:
    """Returns what keeps PD from listing exactly one store `Up`, heard of lately, on every expected address."""
    expected = member_names(observations.topology.tikv)
    ours = [each for each in stores.stores if each.of_tikv]
    newest = max((each.store.last_heartbeat for each in ours), default=0)
    for each in ours:
        if each.store.state_name == TOMBSTONE and each.store.id in observations.known_tombstones:
            continue
        if each.store.state_name == TOMBSTONE:
            yield Problem(
                "StoreTombstone", f"PD keeps the tombstone of store {each.store.id} on {each.host}", each.host
            )
        elif each.host not in expected:
            yield Problem("StoreUnexpected", f"PD lists a store on {each.store.address}")
    for name in expected:
        on_pod = [each for each in ours if each.host == name and each.store.state_name != TOMBSTONE]
        if not on_pod:
            yield Problem("StoreMissing", f"PD has no store on {name}", name)
        elif len(on_pod) > 1:
            yield Problem("StoreDuplicated", f"PD has {len(on_pod)} stores on {name}", name)
        else:
            yield from _single_store_problems(observations, name, on_pod[0], newest)


def _single_store_problems(
    observations: TikvObservations, name: str, store: StoreInfo, newest: int
) -> Iterator[Problem]:
    state = store.store.state_name
    lag = (newest - store.store.last_heartbeat) / 1e9
    if store.store.physically_destroyed:
        yield Problem("StoreDestroyed", f"PD calls {name} destroyed", name)
    elif state == OFFLINE:
        yield Problem("StoreOffline", f"PD is taking {name} out of service", name)
    elif state != UP:
        yield _missed_store_problem(observations, name, state)
    elif lag > 2 * observations.heartbeat_seconds + SLACK_SECONDS:
        # Compared among the stores, on PD's own clock: ours may differ from it.
        yield Problem("StoreStale", f"PD last heard from {name} {lag:.0f} s before the others", name)


def _missed_store_problem(observations: TikvObservations, name: str, state: str) -> Problem:
    """Returns the problem of a store that PD misses; where its first answer is on its way, we do not know more."""
    pod = observations.present(TIKV).get(name)
    result = observations.result(pod, ALIVE) if pod is not None else None
    if result is None:
        return Problem("StoreDown", f"PD calls {name} {state}", name)
    if result.answer is None:
        return Problem("StoreDown", f"PD calls {name} {state}, and it does not answer", name)
    return Problem("StoreUnheard", f"PD calls {name} {state}, which answers us", name)


def peer_problems(regions: Sequence[Region], replicas: int | None) -> Iterator[Problem]:
    """Returns what keeps every region from having all its voters, all of them in step.

    Further replicas without a vote are no problem: TiFlash's never get one, nor do others that a placement rule wants.
    """
    if not regions:
        yield Problem("NoRegions", "PD lists no region")
    pending = [region for region in regions if _any_votes(region, region.pending_peers)]
    down = [region for region in regions if _any_votes(region, [each.peer for each in region.down_peers])]
    short = [region for region in regions if replicas is not None and _voters(region) < replicas]
    learning = [region for region in (regions if replicas is None else short) if _learners(region)]
    for reason, found, what in (
        ("PeersPending", pending, "have replicas that lag behind"),
        ("PeersDown", down, "have replicas that are down"),
        ("PeersLearning", learning, "have replicas without a vote"),
        ("PeersMissing", short, f"have fewer than {replicas} voting replicas"),
    ):
        if found:
            yield Problem(reason, f"{len(found)} of {len(regions)} regions {what}")


def _voters(region: Region) -> int:
    return sum(peer.role_name != LEARNER for peer in region.peers)


def _learners(region: Region) -> set[int]:
    """Returns the stores of the replicas without a vote. A store holds at most one replica of a region."""
    return {peer.store_id for peer in region.peers if peer.role_name == LEARNER}


def _any_votes(region: Region, peers: Sequence[Peer]) -> bool:
    """Returns whether one of these replicas has a vote."""
    learners = _learners(region)
    return any(peer.store_id not in learners for peer in peers)
