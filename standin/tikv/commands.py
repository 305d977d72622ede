"""What PD tells the leader of a region to do. It does so if it can; PD looks at the heartbeats and asks again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Store


def obey(store: Store, now: float, message: dict[str, Any]) -> None:
    if "stores" in message:  # a new peer may be on a store that was not there when the leader last asked
        store.addresses = {int(id): address for id, address in message["stores"].items()}
    replica = store.kept.replicas.get(message["region"])
    if replica is None or replica.peer.leadership is None:
        return
    match message["kind"]:
        case "transfer":
            if (place := replica.region.on(message["store"])) is not None:
                replica.peer.leadership.transfer(place.id)
        case "change":
            if message["conf_ver"] == replica.region.conf_ver:
                change = {name: message[name] for name in ("add", "remove") if name in message}
                replica.peer.propose({"op": "change", "conf_ver": message["conf_ver"], **change})
        case "split":
            if message["version"] == replica.region.version:
                told = {name: message[name] for name in ("keys", "regions", "version")}
                replica.peer.propose({"op": "split", **told})
    store.settle(now, replica)
