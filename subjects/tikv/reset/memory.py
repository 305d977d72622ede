"""What one subject object keeps from its first reset on, for the later ones to hold the system to.

It lives as long as the campaign's driver does. A new process begins with an empty one and takes what it finds for the
known state; that is why nothing here may be needed to bring the system back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from subjects.protocol import Json


@dataclass(slots=True)
class Memory:
    """Everything is None, or empty, until it has been seen."""

    cluster_id: int | None = None
    """PD's name for the whole; another one means other data. None also while the system is being emptied."""

    pd_settings: Mapping[str, Json] | None = None
    """PD's configuration, by dotted key."""

    store_settings: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    """Each store's configuration by dotted key, by the pod's name."""

    boundaries: tuple[str, ...] | None = None
    """The keys at which regions begin (hex), but for the first, which begins before all keys."""

    replicas: dict[str, int] = field(default_factory=dict)
    """How many members each role has while it is not stopped."""
