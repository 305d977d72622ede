"""Which store leads how many regions, as PD reports it, and which stores `leaders` selects. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from subjects.protocol import ChaosRefused, Json
from subjects.tikv.members.schemas import Regions, Stores


@dataclass(frozen=True, slots=True)
class Leadership:
    """`ids`: the store of each pod. `led`: how many regions each pod's store leads. `regions`: how many there are."""

    ids: Mapping[str, int]
    led: Mapping[str, int]
    regions: int

    @classmethod
    def of(cls, stores: Stores, regions: Regions) -> Leadership:
        """Returns the leadership that PD reports. A leader that has just died may still be listed."""
        ids = {pod: store.store.id for pod, store in stores.by_pod().items()}
        leaders = Counter(region.led_by for region in regions.by_id())
        return cls(ids, {pod: leaders[store_id] for pod, store_id in ids.items()}, leaders.total())

    def select(self, pods: Sequence[str], leaders: str, how_many: int = 1) -> Sequence[str]:
        """Returns the pods that `leaders` (`any`, `most` or `none`) selects, of which `how_many` are to be drawn.

        `most` selects so many that lead most, and all that lead as much as the last of these. Raises ChaosRefused where
        it selects none.
        """
        if leaders == "any":
            return pods
        led = {pod: self.led.get(pod, 0) for pod in pods}
        if leaders == "none":
            selected = [pod for pod in pods if pod in self.ids and led[pod] == 0]
            if not selected:
                raise ChaosRefused(f"every store leads some regions: {_listed(led)}; leaders: none means one without")
            return selected
        least = sorted(led.values(), reverse=True)[: max(1, how_many)][-1]
        if max(led.values()) == 0:
            raise ChaosRefused("PD names no store as the leader of any region; leaders: most means one that leads")
        return [pod for pod in pods if led[pod] >= least]

    def facts(self, pod: str) -> Mapping[str, Json]:
        """Returns what the record keeps of a target. Raises ChaosRefused where PD knows no such store."""
        if pod not in self.ids:
            raise ChaosRefused(f"PD knows no store in the target {pod}")
        return {"storeId": self.ids[pod], "ledRegions": self.led[pod], "regions": self.regions}


def _listed(led: Mapping[str, int]) -> str:
    return ", ".join(f"{pod} leads {count}" for pod, count in led.items())
