"""The members of PD: where they are, what their ids are, how they are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import VERSION


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a member is reached, host:port: by the other members, and by everybody else."""

    peer: str
    client: str


def member_id(name: str, ends: Ends) -> int:
    """The same for the same name and address, as etcd derives it."""
    return int.from_bytes(hashlib.sha256(f"{name}={ends.peer}".encode()).digest()[:8], "big") >> 1


class Peers:
    """By name. Of the others only the peer's end is certain at first: they tell the other one themselves."""

    def __init__(self, own: str, members: Mapping[str, Ends]) -> None:
        self.own = own
        self.ends = dict(members)
        self.ids = {name: member_id(name, ends) for name, ends in members.items()}
        self.names = {id: name for name, id in self.ids.items()}

    @property
    def others(self) -> list[str]:
        return [name for name in self.ends if name != self.own]

    def learn(self, name: str, client: str) -> None:
        self.ends[name] = Ends(self.ends[name].peer, client)

    def brief(self, name: str) -> dict[str, Any]:
        """A member as `/leader` shows it."""
        ends = self.ends[name]
        urls = {"peer_urls": [f"http://{ends.peer}"], "client_urls": [f"http://{ends.client}"]}
        return {"name": name, "member_id": self.ids[name], **urls}

    def full(self, name: str) -> dict[str, Any]:
        """A member as `/members` shows it."""
        return {**self.brief(name), "deploy_path": "/", "binary_version": f"v{VERSION}", "git_hash": "None"}

    def listed(self) -> list[str]:
        """The names in the order of ids, as PD lists them."""
        return sorted(self.ends, key=lambda name: self.ids[name])
