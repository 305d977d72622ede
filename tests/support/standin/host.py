"""A pod of the simulation: what is its own whatever runs in it, and what runs in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standin.names import Names
from standin.node import Node

Make = Callable[[float, Any, list[Any]], Node]
"""From the time and what is on the disk, a checkpoint or None and the facts since, to a started process."""


@dataclass(slots=True)
class Host:
    """A pod: a name, an address that changes with every new pod, a volume that stays, and the process, if it runs."""

    name: str
    address: str
    make: Make
    calls: bool
    """It calls others and keeps to what it knows of their names. One that does not answers those who called it."""
    ip: str | None = None
    """None while there is no pod."""
    node: Node | None = None
    checkpoint: Any = None
    facts: list[Any] = field(default_factory=list)
    frozen: bool = False
    cut: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)
    """What arrived while it was frozen."""
    names: Names = field(default_factory=Names)
    connected: dict[str, str] = field(default_factory=dict)
    held: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    dialling: set[str] = field(default_factory=set)
    arrivals: dict[str, float] = field(default_factory=dict)
    """When the last mail to a host gets there."""
    wake_at: float = float("inf")
    died_of: str = ""
