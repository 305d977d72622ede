"""A client that writes one key every tenth of a second, as the one did whose writes were recorded.

It routes as tikv-python does: a region and its leader from PD, kept until an error; a hint after `not_leader`; growing
pauses after errors; and it gives an operation up when the next pause would outlast its limit of one second.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from standin.pd.rpc import Rpc

from .cluster import PDS, Cluster

PERIOD_SECONDS = 0.1
LIMIT_SECONDS = 1.0
STALE, SCHEDULING, TIKV, PD = (0.002, 0.5), (0.002, 0.5), (0.1, 2.0), (0.1, 3.0)
"""Pauses: the first one's ceiling, and the highest; by reason."""

Steps = Generator[tuple[str, Any, float], Any, Any]
"""Yields ("sleep", None, seconds), or (host, question, seconds), which comes back with the answer, None without one."""


@dataclass(frozen=True, slots=True)
class Write:
    """`at` is when it began, in seconds since the epoch."""

    at: float
    took: float
    ok: bool


class GivenUp(Exception):
    """The limit is reached."""


class Writer:
    def __init__(self, cluster: Cluster, key: str) -> None:
        self.writes: list[Write] = []
        self._cluster = cluster
        self._world = cluster.world
        self._key = key
        self._leader: str | None = None
        self._region: dict[str, Any] | None = None
        self._go_on(self._write_for_ever(), None)

    def _go_on(self, steps: Steps, value: Any) -> None:
        try:
            host, question, seconds = steps.send(value)
        except StopIteration:
            return
        if host == "sleep":
            self._world.after(seconds, lambda: self._go_on(steps, None))
            return
        pending = {"answer"}

        def answered(answer: Any) -> None:
            if pending:
                pending.clear()
                self._go_on(steps, answer)

        self._world.after(seconds, lambda: answered(None))
        # Never from within itself: a refused connection is answered at once.
        self._world.ask(host, question, lambda answer: self._world.after(0.0005, lambda: answered(answer)))

    def _write_for_ever(self) -> Steps:
        while not self.has_seen_enough():
            began, value = self._world.now, self.value()
            try:
                yield from self._put(value, began + LIMIT_SECONDS)
                self.done(value)
                ok = True
            except GivenUp:
                ok = False
            took = self._world.now - began
            self.writes.append(Write(began, took, ok))
            yield "sleep", None, max(PERIOD_SECONDS - took, 0.0)

    def value(self) -> str:
        """What is written next."""
        return "00"

    def done(self, value: str) -> None:
        """It was acknowledged."""

    def has_seen_enough(self) -> bool:
        """Whether it was cut off, and served again for a while: more would only take time."""
        return any(not write.ok for write in self.writes) and all(write.ok for write in self.writes[-20:])

    def _put(self, value: str, deadline: float) -> Steps:
        paused: dict[tuple[float, float], int] = {}

        def pause(kind: tuple[float, float]) -> Steps:
            ceiling = min(kind[1], kind[0] * 2.0 ** paused.get(kind, 0))
            paused[kind] = paused.get(kind, 0) + 1
            seconds = self._world.random.uniform(ceiling / 2, ceiling)
            if self._world.now + seconds >= deadline:
                raise GivenUp
            yield "sleep", None, seconds

        while True:
            if self._region is None:
                self._region = yield from self._locate(deadline, pause)
            region = self._region
            leader = next((peer for peer in region["peers"] if peer[0] == region["leader"]), None)
            if leader is None:
                self._region = None
                yield from pause(SCHEDULING)
                continue
            question = {"op": "put", "region": region["id"], "version": region["version"], "store": leader[1]}
            question |= {"key": self._key, "value": value}
            store = self._cluster.store_names.get(leader[1], "")
            answer = yield store, question, deadline - self._world.now
            if answer is None:
                self._region = None
                yield from pause(TIKV)
            elif answer.get("error") == "not_leader" and answer["leader"] is not None:
                self._region = {**region, "leader": answer["leader"][0]}
                yield from pause(SCHEDULING)
            elif "error" in answer:
                self._region = None
                yield from pause(STALE)
            else:
                return

    def _locate(self, deadline: float, pause: Any) -> Steps:
        while True:
            for name in PDS if self._leader is None else ():
                members = yield name, Rpc("GetMembers"), min(3.0, deadline - self._world.now)
                if members is not None and "leader" in members:
                    self._leader = members["leader"]["name"]
                    break
            if self._leader is not None:
                answer = yield self._leader, Rpc("GetRegion", key=self._key), min(3.0, deadline - self._world.now)
                if answer is not None and answer.get("region") is not None:
                    return answer["region"]
            self._leader = None
            yield from pause(PD)
