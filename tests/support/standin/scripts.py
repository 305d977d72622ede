"""What was done to the recorded cluster, and when its pods went and came: done again to the simulated one.

Times are those of the recordings' pods and clients, in seconds after the command. What follows on a fault is in the
same run as the fault, as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from .cluster import Cluster
from .observer import Observer
from .recordings import Recording, Story, Written, numbered, view
from .writer import Write, Writer

SETTLE_SECONDS = {"pd_leader_kill": 62.0}
"""Before the fault: until what PD wrote of heartbeats is older than `max-store-down-time`. Elsewhere, until no name was
looked up so lately that it would not be looked up again."""

KEY = "70726F6265"
"""In the first region by range, like the recorded client's."""

Step = tuple[float, Callable[[Cluster], None]]


@dataclass(frozen=True, slots=True)
class Part:
    """One recording's part of a run."""

    name: str
    steps: Sequence[Step]
    lasts: float
    watched: float = float("inf")
    """So long after the command the recording was made."""


def _kill(name: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.world.kill(name)


def _remove(name: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.world.remove_pod(name)


def _start(name: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.world.start(name)


def _stop_pd_leader(cluster: Cluster) -> None:
    """SIGTERM: it resigns, and is gone when another can have taken over."""
    member = cluster.lead()
    assert member is not None
    host, name = cluster.world.hosts[member.name], member.name
    cluster.world.do(host, partial(member.resign, cluster.world.now))
    cluster.world.after(0.2, lambda: cluster.world.kill(name))


SCRIPTS: Mapping[str, Sequence[Part]] = {
    "kill_leader_store_grace1": [
        Part(
            "kill_leader_store_grace1",
            [(0.12, _kill("tikv-0")), (3.4, _remove("tikv-0")), (3.6, _start("tikv-0"))],
            45,
        ),
    ],
    "kill_leader_store_grace0": [
        Part("kill_leader_store_grace0", [(0.1, _remove("tikv-1")), (2.6, _start("tikv-1"))], 45),
    ],
    "node_down": [
        Part("node_down", [(0.12, _kill("tikv-0"))], 75.98),
        Part("node_down_fixed", [(2.7, _remove("tikv-0")), (3.0, _start("tikv-0"))], 40),
    ],
    "pd_leader_kill": [
        Part("pd_leader_kill", [(0.45, _stop_pd_leader), (2.2, _remove("pd-0")), (3.5, _start("pd-0"))], 20),
    ],
    "freeze": [
        Part("freeze", [(0.05, lambda cluster: cluster.world.freeze("tikv-1"))], 73.84, 46),
        Part("freeze_ended", [(0.0, lambda cluster: cluster.world.thaw("tikv-1"))], 20),
    ],
    "quorum_loss": [
        Part("quorum_loss", [(0.12, _kill("tikv-0")), (0.15, _kill("tikv-2"))], 45.83),
        Part(
            "quorum_loss_fixed",
            [(1.7, _remove("tikv-0")), (1.7, _remove("tikv-2")), (2.2, _start("tikv-0")), (2.5, _start("tikv-2"))],
            45,
        ),
    ],
    "partition": [
        Part("partition", [(0.4, lambda cluster: cluster.world.cut("tikv-0"))], 46.28),
        Part("partition_healed", [(0.05, lambda cluster: cluster.world.cut("tikv-0", off=False))], 20),
    ],
    "healthy": [Part("healthy", [], 20)],
}


def play(script: str, seed: int) -> dict[str, Story]:
    """The simulated stories of a script, by the names of the recordings."""
    cluster = Cluster(seed)
    cluster.start()
    order = {place: id for id, place in numbered(cluster.regions()).items()}
    first = Recording(SCRIPTS[script][0].name)
    _arrange(cluster, first, order)
    cluster.world.run(SETTLE_SECONDS.get(script, 32.0) + cluster.world.random.uniform(0, 10))
    writer, observer = Writer(cluster, KEY), Observer(cluster)
    cluster.world.run(1)
    stories = {}
    for part in SCRIPTS[script]:
        observer.begin()
        for at, do in part.steps:
            cluster.world.after(at, partial(do, cluster))
        cluster.world.run(part.lasts)
        regions, stores = {id: place for place, id in order.items()}, cluster.store_names
        seen = [sample for sample in observer.timeline if sample["t"] < part.watched]
        views = [view(sample, regions, stores) for sample in seen]
        writes = [_written(write, observer.zero) for write in writer.writes]
        stories[part.name] = Story(views, writes, 0.4)
    return stories


def _arrange(cluster: Cluster, recording: Recording, order: Mapping[int, int]) -> None:
    """The leaders of regions and of PD where they were before the recording."""
    for place, store in recording.leaders().items():
        cluster.move_leader(order[place], store)
    leader = recording.pd_leader()
    if (member := cluster.lead()) is not None and member.name != leader:
        cluster.send("POST", f"/leader/transfer/{leader}")
        cluster.world.run_until(lambda: (lead := cluster.lead()) is not None and lead.name == leader, 20)


def _written(write: Write, zero: float) -> Written:
    return Written(write.at - zero, write.at - zero + write.took, write.ok)
