"""Whatever is killed, frozen or cut off, and in whatever order: no acknowledged write is lost, and it all heals."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.support.standin.cluster import PDS, TIKVS, Cluster
from tests.support.standin.writer import Writer


class Trouble:
    """Does something to a member, undoes it some seconds later."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._world = cluster.world
        self._random = Random(seed)
        self._undo: dict[str, Callable[[], None]] = {}

    def strike(self, lasts: float) -> None:
        """Any number of members at once may be in trouble."""
        world, name = self._world, self._random.choice((*PDS, *TIKVS))
        if name in self._undo:
            return
        kind = self._random.choice(("kill", "replace", "freeze", "cut"))
        if kind == "kill":
            world.kill(name)
            self._undo[name] = lambda: world.start(name, new_pod=False)
        elif kind == "replace":
            world.remove_pod(name)
            self._undo[name] = lambda: world.start(name)
        elif kind == "freeze":
            world.freeze(name)
            self._undo[name] = lambda: world.thaw(name)
        else:
            world.cut(name)
            self._undo[name] = lambda: world.cut(name, off=False)
        world.after(lasts, lambda: self.undo(name))

    def undo(self, name: str) -> None:
        if (undo := self._undo.pop(name, None)) is not None:
            undo()


class Register(Writer):
    """A client that writes a number that grows, and knows the last that was acknowledged."""

    acknowledged = 0
    asked = 0

    def value(self) -> str:
        self.asked += 1
        return f"{self.asked:08X}"

    def done(self, value: str) -> None:
        self.acknowledged = max(self.acknowledged, int(value, 16))

    def has_seen_enough(self) -> bool:
        return False


def leaders_by_term(cluster: Cluster, seen: dict[tuple[Any, int], str]) -> None:
    """Note who leads which region in which term. AssertionError where two do."""
    for name in TIKVS:
        store = cluster.store(name)
        for id, replica in store.kept.replicas.items() if store is not None else ():
            if replica.leads:
                assert seen.setdefault((id, replica.peer.log.term), name) == name
    for name in PDS:
        member: Any = cluster.world.hosts[name].node
        if member is not None and member.lead is not None:
            assert seen.setdefault(("pd", member.raft.log.term), name) == name


@pytest.mark.parametrize("seed", range(2))
def test_no_acknowledged_write_is_lost_no_term_has_two_leaders_and_all_heals(seed: int) -> None:
    cluster = Cluster(seed, by_json=True)
    cluster.start()
    register, trouble, leaders = Register(cluster, "41"), Trouble(cluster, seed), {}  # type: ignore[var-annotated]
    random = Random(seed)
    for _ in range(60):
        if random.random() < 0.3:
            trouble.strike(random.uniform(1, 30))
        cluster.world.run(random.uniform(0.1, 3))
        leaders_by_term(cluster, leaders)
    for name in (*PDS, *TIKVS):
        trouble.undo(name)
    cluster.world.run(60)
    cluster.world.run_until(cluster.is_replicated, 60)
    assert all(state == "Up" for state in cluster.states().values())
    found: list[Any] = []
    before = register.acknowledged
    region = next(r for r in cluster.regions() if r["start_key"] == "")
    question = {"op": "get", "region": region["id"], "version": region["epoch"]["version"], "store": 0, "key": "41"}
    cluster.world.ask(cluster.leaders()[region["id"]], question, found.append)
    cluster.world.run(1)
    assert before > 50, "or too little was written to tell"
    assert int(found[0]["value"], 16) >= before
