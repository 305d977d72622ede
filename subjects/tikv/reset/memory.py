"""What one subject object keeps from one reset for the next.

It lives as long as the campaign's driver does. A new process begins with an empty one and takes what it finds for the
known state; that is why nothing here may be needed to bring the system back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from subjects.tikv.reset.configuration import region_replicas
from subjects.tikv.reset.standing import Standing


@dataclass(slots=True)
class Memory:
    """Everything is None, or empty, until it has been seen."""

    cluster_id: int | None = None
    """PD's name for the whole; another one means other data. None also while the system is being emptied."""

    before: Standing | None = None
    """What stood at the end of the last reset that came to its end."""

    after: Standing | None = None
    """What stood when the attempt after that ended; None where nobody could see it, so that it cannot be told apart."""

    under_way: bool = False
    """Whether an attempt has begun and not ended, so that its end is still to be noted."""

    boundaries: tuple[str, ...] | None = None
    """The keys at which regions begin (hex), but for the first, which begins before all keys."""

    replicas: dict[str, int] = field(default_factory=dict)
    """How many members each role has while it is not stopped."""

    @property
    def region_replicas(self) -> int:
        """How many replicas each region should have, by PD's configuration at the last reset; 0 where it is unknown."""
        return region_replicas(self.before.pd) if self.before is not None else 0

    def begin(self, standing: Standing) -> None:
        """The reset is done: this is what the attempt finds."""
        self.before, self.after, self.under_way = standing, None, True
