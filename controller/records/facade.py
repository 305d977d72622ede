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
from controller.records.rows import AttemptFields, AttemptRow, CampaignRow, Event, Flag, LockRow, Tally
from controller.records.store import Store
from controller.records.tally import Tallies

T = TypeVar("T")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two tries. Each pause is twice as long as the one before it, up to the longest."""


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
        """Opens `url` (`sqlite:////data/records.db`), creates its folder and file, and brings its schema up to date.

        With `on_wait`, every method waits while the database cannot be reached, and calls `on_wait` with the reason
        before each try; without it, they raise RecordsUnavailable. `meter` counts what is committed. `log_limits`
        bounds how much agents may store.

        Raises RecordsInUse when another controller has it open, RecordsNewer when a newer version wrote it, and
        RecordsUnavailable when it cannot be opened.
        """
        return cls(await Store.open(url, meter), on_wait, meter, LogQuota(database.sqlite_path(url), log_limits))

    async def close(self) -> None:
        """Waits for writes in flight, then releases the file and its lock. May be called again."""
        await self._store.close()

    @property
    def commits(self) -> int:
        """Transactions committed since the records were opened."""
        return self._store.commits

    async def ensure_campaign(
        self, uid: str, namespace: str, name: str, spec: CampaignSpec, created_at: datetime
    ) -> CampaignRow:
        """Returns the campaign's row, and creates it as Pending where there is none. Never changes an existing row."""
        return await self._write(lambda c: campaigns.ensure(c, uid, namespace, name, spec, created_at))

    async def get_campaign(self, uid: str) -> CampaignRow | None:
        """Returns the campaign's row; None where it has none."""
        return await self._read(lambda c: campaigns.get(c, uid))

    async def unreleased(self) -> list[CampaignRow]:
        """Returns the campaigns whose object is not known to be gone, or that still hold a subject; oldest first."""
        return await self._read(campaigns.unreleased)

    async def set_phase(
        self, uid: str, phase: Phase, reason: str, message: str, at: datetime, *, keep_lock: bool = False
    ) -> CampaignRow:
        """Moves the campaign to a phase, and returns its row after that. Does nothing where its phase is terminal.

        The first Running sets `started_at`, a terminal phase sets `finished_at`. A terminal phase and Suspended release
        the campaign's locks in the same transaction, or transfer them to its other arm where that waits for them. With
        `keep_lock` only the locks on agents' Deployments are released: a subject that could not be cleaned up stays
        locked. Raises LookupError when there is no such campaign.
        """
        return await self._write(lambda c: campaigns.set_phase(c, uid, phase, reason, message, at, keep_lock))

    async def mark_deleted(self, uid: str, at: datetime, *, keep_lock: bool = False) -> None:
        """Records once that the object is gone, and releases its locks unless `keep_lock`. Its rows stay."""
        await self._write(lambda c: campaigns.mark_deleted(c, uid, at, keep_lock))

    async def open_attempt(
        self, campaign_uid: str, trial: int, seed: int, at: datetime, flags: Sequence[Flag] = ()
    ) -> AttemptRow:
        """Begins the next attempt of a trial, at step reset, with these flags, and returns its row.

        Raises RuntimeError while an attempt of the campaign has not ended, or when the trial has its final outcome.
        """
        return await self._write(lambda c: attempts.begin(c, campaign_uid, trial, seed, at, flags))

    async def update(
        self,
        attempt_id: str,
        *,
        at: datetime,
        step: Step | None = None,
        events: Sequence[Event] = (),
        **facts: Unpack[AttemptFields],
    ) -> None:
        """Commits columns of an attempt, the step it enters (with an event of its own) and further events, together.

        Raises AttemptEnded, and writes nothing, when the attempt has ended; LookupError when there is none.
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
        """Ends an attempt with its outcome, and returns True. Returns False, and writes nothing, where it has ended.

        With `error` None an error that the attempt has is kept. `failure` is the kind of the error. `cleanup_failed`
        says why the fault could not be reverted: in the same transaction the campaign ends Failed, CleanupFailed, and
        keeps its lock on the subject; the campaign's message says how to release it.
        Raises LookupError when there is no such attempt.
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
        """Returns the attempts that began and have not ended. After a crash that is the one to end; at most one."""
        return await self._read(lambda c: attempts.unfinished(c, campaign_uid))

    async def tally(self, campaign_uid: str) -> Tally:
        """Returns the counts of the campaign's attempts, from one snapshot."""
        return await self._read(lambda c: self._tallies.of(c, campaign_uid))

    async def time_in_attempts(self, campaign_uid: str) -> timedelta:
        """Returns how long the campaign's ended attempts have taken in all, cleanup included."""
        return await self._read(lambda c: attempts.time_spent(c, campaign_uid))

    async def acquire_locks(
        self, subject_key: str, campaign_uid: str, campaign: str, at: datetime, workloads: Collection[str] = ()
    ) -> LockRow:
        """Acquires the locks of the subject and of these agents' Deployments (`locks.workload_key`), all or none.

        Returns the campaign's lock on the subject. Where another campaign has one of the locks, it returns that one,
        and this campaign then has no lock at all, so that no two can wait for each other. `campaign` is its
        `namespace/name`. The campaign must have its row already.
        """
        return await self._write(lambda c: locks.acquire(c, subject_key, workloads, campaign_uid, campaign, at))

    async def locks(self) -> list[LockRow]:
        """Returns every lock there is."""
        return await self._read(locks.all_locks)

    async def arms(self, campaign_uid: str) -> Arms:
        """Returns the states of the campaign and its other arm, from one snapshot. Raises LookupError without a row."""
        return await self._read(lambda c: campaigns.load_arms(c, self._tallies, campaign_uid))

    async def transfer_locks(self, campaign_uid: str, to_uid: str, at: datetime) -> bool:
        """Transfers the campaign's locks to another campaign in one transaction; returns whether that has them now.

        Transfers nothing where the other is suspended, has ended, or waits for something else than the subject.
        """
        return await self._write(lambda c: campaigns.transfer_locks(c, campaign_uid, to_uid, at))

    async def lock_of(self, campaign_uid: str) -> LockRow | None:
        """Returns the campaign's lock on its subject; None where it has none, as after `evalcampaign unlock`."""
        return await self._read(lambda c: locks.subject_held_by(c, campaign_uid))

    async def release_lock(self, campaign_uid: str) -> None:
        """Releases all locks of the campaign."""
        await self._write(lambda c: locks.release(c, campaign_uid))

    async def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a write transaction. Raises RecordsUnavailable, without waiting, where that cannot be done."""
        return await self._store.write(work)

    async def read_at_once(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` on one snapshot. Raises RecordsUnavailable, without waiting, where that cannot be done."""
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
    """Repeats `call` until the records can be reached, and returns its result.

    While the disk is full or the database locked, `on_wait` is called with the reason before each pause; the caller
    shows it (a condition, a log line). There is no limit: a result that cannot be recorded must not be lost, and the
    fault it belongs to still has to be reverted. Every other exception, and cancellation, is raised. A write that
    raised RecordsUnavailable was rolled back, so repeating it writes nothing twice.
    """
    pause = first_pause
    while True:
        try:
            return await call()
        except RecordsUnavailable as unavailable:
            on_wait(str(unavailable))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
