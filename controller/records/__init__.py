"""The records: the database of results. Status, tables and reports are computed from it.

`Records` is what the controller uses: an async facade over one SQLite file (or PostgreSQL by URL) with one writer.
`queries` is what the command line uses: read-only and synchronous, beside a running controller or on a backup.
"""

from controller.records.campaigns import Arms, InterleavedArm
from controller.records.errors import (
    AttemptEnded,
    DiskFull,
    InboxFull,
    RecordsError,
    RecordsInUse,
    RecordsMissing,
    RecordsNewer,
    RecordsUnavailable,
)
from controller.records.facade import Records
from controller.records.rows import AttemptFields, AttemptRow, AttemptSummary, CampaignRow, Event, LockRow, Tally

__all__ = [
    "Arms",
    "AttemptEnded",
    "AttemptFields",
    "AttemptRow",
    "AttemptSummary",
    "CampaignRow",
    "DiskFull",
    "Event",
    "InboxFull",
    "InterleavedArm",
    "LockRow",
    "Records",
    "RecordsError",
    "RecordsInUse",
    "RecordsMissing",
    "RecordsNewer",
    "RecordsUnavailable",
    "Tally",
]
