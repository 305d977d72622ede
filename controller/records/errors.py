"""What can go wrong with the records. Every text is a sentence for the person who reads it.

RecordsError
├── RecordsInUse        another controller has them open
├── RecordsMissing      there is no database at that place
├── NotRecorded         there is no such campaign, trial or attempt in it
├── UnlockRefused       the lock is not there, is somebody else's by now, or belongs to a campaign that runs
├── InboxFull           an agent has sent all that a campaign may keep
├── DiskFull            the disk is nearly full; what is left is kept for tickets and attempts
├── RecordsNewer        written by a newer version than this one
├── RecordsUnavailable  cannot be read or written just now: locked, full, gone. Nothing was committed; try again
└── AttemptEnded        the attempt is closed, and closed attempts do not change
"""

from __future__ import annotations

from controller.usererror import UserError


class RecordsError(UserError):
    """Base of everything below."""


class RecordsInUse(RecordsError):
    """Another controller has the records open."""


class RecordsMissing(RecordsError):
    """There is no database at that place."""


class NotRecorded(RecordsError):
    """There is no such campaign, trial or attempt; the text names those that there are."""


class UnlockRefused(RecordsError):
    """There is no such lock, or its holder still runs; the text says which."""


class InboxFull(RecordsError):
    """An agent has sent as much as a campaign keeps. What was kept stays."""


class DiskFull(RecordsError):
    """The disk is nearly full, and the rest is kept for tickets and attempts. Nothing of the log was kept."""


class RecordsNewer(RecordsError):
    """The database was migrated by a newer version than this one, which must not guess what changed."""


class RecordsUnavailable(RecordsError):
    """The database cannot be read or written just now. The write was rolled back and may be repeated."""


class AttemptEnded(RecordsError):
    """The attempt has its outcome already; it is written once."""
