"""Looks at the cluster from outside, again and again, and writes down what changed: the form of the recordings."""

from __future__ import annotations

from typing import Any

from .cluster import PDS, TIKVS, Cluster

POLL_SECONDS = 0.4
"""About as often as the real cluster was looked at."""

Sample = dict[str, Any]


class Observer:
    """`timeline` holds samples that differ from the one before, each with `t`, seconds since `zero`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.zero = cluster.world.now
        self.timeline: list[Sample] = []
        self._poll()

    def begin(self) -> list[Sample]:
        """A new timeline: what was done is done now. Returns the old one."""
        timeline, self.timeline = self.timeline, []
        self.zero = self._cluster.world.now
        self._look()
        return timeline

    def _poll(self) -> None:
        self._look()
        self._cluster.world.after(POLL_SECONDS, self._poll)

    def _look(self) -> None:
        sample = self._sample()
        if not self.timeline or {**self.timeline[-1], "t": None} != {**sample, "t": None}:
            self.timeline.append(sample)

    def _sample(self) -> Sample:
        cluster = self._cluster
        told = cluster.get("/stores")
        stores = {
            s["store"]["address"].split(".")[0]: [
                s["store"]["id"],
                s["store"]["state_name"],
                s["status"]["leader_count"],
                s["status"]["region_count"],
            ]
            for s in (told["stores"] if told else ())
        }
        regions = cluster.regions()
        return {
            "t": round(cluster.world.now - self.zero, 2),
            "stores_http": 200 if told else 503,
            "stores": dict(sorted(stores.items())),
            "health": {name: cluster.world.hosts[name].node is not None for name in PDS},
            "leaders": sorted([region["id"], region["leader"].get("store_id", 0)] for region in regions),
            "pending_peer": sum("pending_peers" in region for region in regions),
            "down_peer": sum("down_peers" in region for region in regions),
            "confirmed_leaders": {str(id): names for id, names in sorted(cluster.believers().items())},
            "active_voters": self._active(),
        }

    def _active(self) -> dict[str, dict[str, list[int]]]:
        """By region and store that leads it: voters that are active, and voters."""
        found: dict[str, dict[str, list[int]]] = {}
        for name in TIKVS:
            store = self._cluster.store(name)
            if store is not None and store.joined and not self._cluster.world.hosts[name].frozen:
                for id, replica in store.kept.replicas.items():
                    if replica.peer.leadership is not None:
                        voters = replica.status()["raft_status"]["voters"].values()
                        active = sum(voter["recent_active"] for voter in voters)
                        found.setdefault(str(id), {})[name] = [active, len(voters)]
        return dict(sorted(found.items()))
