"""How long a name stands for the address it was once found at: as gRPC has it, for TiKV and PD talk by gRPC.

A name is looked up when a connection must be made, but not again within 30 s of when it was found. So a pod that comes
back at another address is not heard of by the others for up to half a minute, though it is Ready; recordings show it.
"""

from __future__ import annotations

from collections.abc import Callable

FOUND_SECONDS = 30.0
MISSED_SECONDS = 1.0
"""Between two look-ups of a name that was not found."""


class Names:
    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str | None]] = {}

    def fresh(self, now: float, name: str) -> tuple[bool, str | None]:
        """Whether what is known still holds; and the address, None for not found."""
        at, address = self._known.get(name, (float("-inf"), None))
        return now - at < (FOUND_SECONDS if address is not None else MISSED_SECONDS), address

    def learn(self, now: float, name: str, address: str | None) -> None:
        self._known[name] = (now, address)

    def find(self, now: float, name: str, look_up: Callable[[str], str | None]) -> str | None:
        """Where the look-up takes no time."""
        holds, address = self.fresh(now, name)
        if not holds:
            address = look_up(name)
            self.learn(now, name, address)
        return address
