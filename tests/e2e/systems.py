"""The systems that `make deploy` leaves in the cluster to be broken."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.subject import Subject


class Etcd(Subject):
    """Three members."""

    type = "etcd"
    namespace = "etcd"
    workloads = ("etcd",)

    def complaints(self) -> list[str]:
        """Members that do not call themselves healthy."""
        told = {name: self.raw(name, 2379, "/health") for name in self.members}
        return [f"{name} says {health}" for name, health in told.items() if '"true"' not in health]


class Tikv(Subject):
    """Three members of PD, three stores."""

    type = "tikv"
    namespace = "tikv"
    workloads = ("pd", "tikv")

    def complaints(self) -> list[str]:
        """Stores that PD does not call Up, regions whose leader does not confirm itself or with replicas that lag."""
        stores, regions = self.pd("/stores"), self.pd("/regions")
        if isinstance(stores, str) or isinstance(regions, str):
            return [f"PD says {stores if isinstance(stores, str) else regions}"]
        names = {each["store"]["id"]: each["store"]["address"].partition(".")[0] for each in stores["stores"]}
        told = [
            f"{names[each['store']['id']]} is {each['store']['state_name']}"
            for each in stores["stores"]
            if each["store"]["state_name"] != "Up"
        ]
        for region in regions["regions"]:
            leader = names.get(region.get("leader", {}).get("store_id"))
            if leader is None or '"Leader"' not in self.raw(leader, 20180, f"/region/{region['id']}"):
                told.append(f"region {region['id']} is not led by {leader}")
            if region.get("pending_peers") or region.get("down_peers"):
                told.append(f"region {region['id']} has replicas that lag")
        return told

    def pd(self, path: str) -> Any:
        """PD's answer through its first member, or the text that came instead."""
        answer = self.raw("pd-0", 2379, f"/pd/api/v1{path}")
        try:
            return json.loads(answer)
        except ValueError:
            return answer or "nothing"


ETCD, TIKV = Etcd(), Tikv()
