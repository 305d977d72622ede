"""The records as the controller sees them: one method, one transaction.

Every method that writes returns after its commit is on disk. A cancellation that comes during a write is delivered
when the write has ended. Times are UTC and come from the caller's clock; naive ones are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Self, TypeVar, Unpack

from sqlalchemy import Connection

from controller.api import CampaignSpec, Failure, Outcome, Phase, Step
from controller.meter import UNMETERED, EndedAttempt, Meter
from controller.records import attempts, campaigns, database, locks
from controller.records.campaigns import Arms
from controller.records.errors import RecordsUnavailable
from controller.records.inbox import RejectedWrites
from controller.records.quota import LogLimits, LogQuota
from controller.records.rows import AttemptRow, CampaignRow, Event, Facts, Flag, LockRow, Tally
from controller.records.store import Store
from controller.records.tally import Tallies

T = TypeVar("T")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two tries: doubled from the first to the longest."""


class Records:
    """The facade of the database of results. A process opens it once; a second process is refused."""

    def __init__(
        self,
        store: Store,
        on_wait: Callable[[str], None] | None = None,
        meter: Meter = UNMETERED,
        log_quota: LogQuota | None = None,
    ) -> None:
        self.log_quota = log_quota or LogQuota(None)
        self.rejected = RejectedWrites()
        self._store = store
        self._on_wait = on_wait
        self._meter = meter
        self._tallies = Tallies()

    @classmethod
    async def open(
        cls,
        url: str,
        on_wait: Callable[[str], None] | None = None,
        meter: Meter = UNMETERED,
        log_limits: LogLimits = LogLimits(),  # noqa: B008 - frozen
    ) -> Self:
        """Open `url` (`sqlite:////data/records.db`), creating folder and file, and bring its schema up to date.

        With `on_wait`, every method waits while the database cannot be reached, and tells why before each try;
        without, it raises RecordsUnavailable. `meter` is told of what is committed. `log_limits` bounds what agents
        may fill.

        Raises RecordsInUse when another controller has it, RecordsNewer when a newer version wrote it, and
        RecordsUnavailable when it cannot be opened.
        """
        return cls(await Store.open(url, meter), on_wait, meter, LogQuota(database.sqlite_path(url), log_limits))

    async def close(self) -> None:
        """Wait for writes in flight, then let go of the file and its lock. Closing twice is fine."""
        await self._store.close()

    @property
    def commits(self) -> int:
        """Transactions committed since the records were opened."""
        return self._store.commits

    async def ensure_campaign(
        self, uid: str, namespace: str, name: str, spec: CampaignSpec, created_at: datetime
    ) -> CampaignRow:
        """The campaign's row; created, as Pending, when it is not there yet. Never changes an existing row."""
        return await self._write(lambda c: campaigns.ensure(c, uid, namespace, name, spec, created_at))

    async def get_campaign(self, uid: str) -> CampaignRow | None:
        """The campaign's row, if it has one."""
        return await self._read(lambda c: campaigns.get(c, uid))

    async def unreleased(self) -> list[CampaignRow]:
        """The campaigns whose object is not known to be gone, or that still hold a subject; the oldest first."""
        return await self._read(campaigns.unreleased)

    async def set_phase(
        self, uid: str, phase: Phase, reason: str, message: str, at: datetime, *, keep_lock: bool = False
    ) -> CampaignRow:
        """Move the campaign to a phase, and return its row as it is then. A terminal phase is final: no-op after it.

        The first Running sets `started_at`, a terminal phase `finished_at`. A terminal phase and Suspended let go of
        the campaign's locks in the same transaction, to its other arm where that waits for them. With `keep_lock` only
        the agent's Deployment is free: a subject that could not be cleaned up is nobody's next. LookupError when there
        is no such campaign.
        """
        return await self._write(lambda c: campaigns.set_phase(c, uid, phase, reason, message, at, keep_lock))

    async def mark_deleted(self, uid: str, at: datetime, *, keep_lock: bool = False) -> None:
        """Note, once, that the object is gone, and let go of its lock unless told to keep it. The rows stay."""
        await self._write(lambda c: campaigns.mark_deleted(c, uid, at, keep_lock))

    async def open_attempt(
        self, campaign_uid: str, trial: int, seed: int, at: datetime, flags: Sequence[Flag] = ()
    ) -> AttemptRow:
        """Begin the next attempt of a trial, at step reset, with what is to be known of it already.

        RuntimeError while an attempt of the campaign is not ended, or when the trial has its final outcome already.
        """
        return await self._write(lambda c: attempts.begin(c, campaign_uid, trial, seed, at, flags))

    async def update(
        self,
        attempt_id: str,
        *,
        at: datetime,
        step: Step | None = None,
        events: Sequence[Event] = (),
        **facts: Unpack[Facts],
    ) -> None:
        """Commit what an attempt learned, the step it enters (with an event of its own) and further events, together.

        Raises AttemptEnded when the attempt is closed; then nothing is written. LookupError when there is none.
        """
        await self._write(lambda c: attempts.update_open(c, attempt_id, at, step, events, facts))
        if step is not None:
            self._meter.step_entered(attempt_id, step, at)

    async def end_attempt(
        self,
        attempt_id: str,
        outcome: Outcome,
        *,
        at: datetime,
        error: str | None = None,
        failure: Failure | None = None,
        events: Sequence[Event] = (),
        cleanup_failed: str | None = None,
    ) -> bool:
        """Close an attempt with its outcome, once. False, and nothing written, when another writer was first.

        `error` None keeps an error that the attempt has; `failure` is what it was, in one word. `cleanup_failed` says
        why its fault could not be undone: in the same transaction the campaign ends Failed, CleanupFailed, and keeps
        its subject; its message says how to free it.
        LookupError when there is no such attempt.
        """

        def end(connection: Connection) -> EndedAttempt | None:
            if not attempts.end(connection, attempt_id, outcome, at, error, failure, events):
                return None
            if cleanup_failed is not None:
                campaigns.fail_cleanup(connection, attempt_id, cleanup_failed, at)
            return attempts.ended(connection, attempt_id, failure, cleanup_failed is not None)

        if (ended := await self._write(end)) is None:
            return False
        self._meter.attempt_ended(ended)
        return True

    async def unfinished(self, campaign_uid: str) -> list[AttemptRow]:
        """The attempts that began and have not ended: after a crash, the one to bring to an end; else none."""
        return await self._read(lambda c: attempts.unfinished(c, campaign_uid))

    async def tally(self, campaign_uid: str) -> Tally:
        """The campaign's attempts, counted; from one snapshot."""
        return await self._read(lambda c: self._tallies.of(c, campaign_uid))

    async def time_in_attempts(self, campaign_uid: str) -> timedelta:
        """How long the campaign's ended attempts have taken in all, cleanup included."""
        return await self._read(lambda c: attempts.time_spent(c, campaign_uid))

    async def take_lock(
        self, subject_key: str, campaign_uid: str, campaign: str, at: datetime, workloads: Collection[str] = ()
    ) -> LockRow:
        """Take the locks of the subject and of these agents' Deployments (`locks.workload_key`), all of them or none.

        Returns the campaign's lock on the subject, or, where it could not have them all, another's that is in the way;
        the campaign then has no lock at all, so that no two can wait for each other. `campaign` is the name people know
        it by. The campaign must have its row already.
        """
        return await self._write(lambda c: locks.take(c, subject_key, workloads, campaign_uid, campaign, at))

    async def locks(self) -> list[LockRow]:
        """Every lock there is."""
        return await self._read(locks.all_locks)

    async def arms(self, campaign_uid: str) -> Arms:
        """How the campaign and the one that it takes turns with stand; from one snapshot. LookupError without a row."""
        return await self._read(lambda c: campaigns.load_arms(c, self._tallies, campaign_uid))

    async def hand_over(self, campaign_uid: str, to_uid: str, at: datetime) -> bool:
        """Make the campaign's locks another's, with nobody between; whether the other has them now.

        Not where the other is suspended, has ended, or waits for something else than the subject.
        """
        return await self._write(lambda c: campaigns.transfer_locks(c, campaign_uid, to_uid, at))

    async def lock_of(self, campaign_uid: str) -> LockRow | None:
        """The campaign's lock on its subject, if it has it. Somebody may take it away with `evalcampaign unlock`."""
        return await self._read(lambda c: locks.subject_held_by(c, campaign_uid))

    async def release_lock(self, campaign_uid: str) -> None:
        """Let go of whatever locks the campaign holds."""
        await self._write(lambda c: locks.release(c, campaign_uid))

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a write transaction; RecordsUnavailable where that cannot be done now."""
        return await self._store.write(work)

    async def read_at_once(self, work: Callable[[Connection], T]) -> T:
        """Likewise, of one snapshot."""
        return await self._store.read(work)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._reach(lambda: self._store.write(work))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._reach(lambda: self._store.read(work))

    async def _reach(self, call: Callable[[], Awaitable[T]]) -> T:
        return await call() if self._on_wait is None else await retry_until_available(call, self._on_wait)


async def retry_until_available(
    call: Callable[[], Awaitable[T]], on_wait: Callable[[str], None], first_pause: float = FIRST_PAUSE
) -> T:
    """Repeat `call` until the records can be reached, and return what it returned.

    While the disk is full or the database locked, `on_wait` is told the reason before each pause; the caller shows it
    (a condition, a log line). There is no limit: a result that cannot be recorded must not be forgotten, and the fault
    it belongs to still has to be undone. Every other exception, and cancellation, comes through. A write that raised
    RecordsUnavailable was rolled back whole, so repeating it doubles nothing.
    """
    pause = first_pause
    while True:
        try:
            return await call()
        except RecordsUnavailable as unavailable:
            on_wait(str(unavailable))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
