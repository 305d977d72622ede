"""How a store comes into the cluster: PD names it, lets the first one begin the first region, and may refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..node import Fatal
from ..region import Place, Region

if TYPE_CHECKING:
    from .store import Store


def join(store: Store, now: float, message: dict[str, Any]) -> None:
    """PD's leader answered a `join` or a `bootstrap`. Fatal where it never will let this store in."""
    if store.joined or message["number"] != store.asked:
        return
    store.link.answered()
    kept = store.kept
    match message["kind"]:
        case "refused":
            raise Fatal(message["reason"])
        case "named":
            kept.name(message["cluster"], message["id"])
            store.ask_pd(now)
        case "begin":
            # Written before PD hears of it: a store that dies in between finds PD not bootstrapped, and begins anew.
            for id in tuple(kept.replicas):
                kept.drop(id, 0)
            region = Region(message["region"], "", "", 1, 1, (Place(message["peer"], kept.id),))
            kept.begin(region, message["peer"])
            store.ask_to_join(now, {"kind": "bootstrap", "region": region.to_json()})
        case "joined":
            if (first := message["first"]) is not None:  # another store was quicker with the first region
                for id in tuple(kept.replicas):
                    if id != first:
                        kept.drop(id, 0)
            store.joined = True
            store.addresses = {int(id): address for id, address in message["stores"].items()}
            store.start(now)
            for replica in tuple(kept.replicas.values()):
                if len(replica.region.peers) == 1:  # nobody else to wait for
                    replica.peer.campaign()
                    store.settle(now, replica)
