"""The protocol of a subject: a system that can be watched, broken on purpose and brought back.

A subject knows its own system alone: not Kopf, not the database, not campaigns. The engine in `controller/` drives
every subject through this protocol, so adding one takes a folder and an entry point (docs/subjects/plugins.md).

Injection has two halves. *Plan* picks the target and touches nothing; *inject* applies that plan, guarded by the
target's uid. The engine commits the plan in between. So after a crash at any time the record says what may have been
done and how to revert it, and no fault is applied twice.

Every time in this package is UTC, from the one clock that the engine passes (`SubjectContext.now`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

from subjects.cluster import Cluster
from subjects.errors import ChaosRefused as ChaosRefused
from subjects.errors import SubjectError as SubjectError
from subjects.errors import SubjectNotReady as SubjectNotReady
from subjects.errors import Unsupported as Unsupported
from subjects.fault import Fault as Fault
from subjects.fault import Json as Json
from subjects.fault import Target as Target
from subjects.faulttype import ChaosType as ChaosType
from subjects.faulttype import FaultType
from subjects.permits import tolerated_failures

Report = Callable[[str], None]
"""Receives progress: a sentence on what is being waited for."""


def no_report(message: str) -> None:
    """Ignores the progress."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One unmet condition of health: a CamelCase `reason`, a sentence, and the member it is about, if one."""

    reason: str
    message: str
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle saw at one instant.

    `serving` says whether clients get answers, `healthy` whether the subject is serving and fully redundant. Either is
    None where it is *unknown* because the oracle could not see: the API server is unreachable, or members that
    Kubernetes calls Ready do not answer. A missing or unready member is a failure of the subject and makes them False.
    `healthy` True implies `serving` True; `serving` False implies `healthy` False. With `healthy` False, `serving` may
    be None: something is missing, and whether clients get answers cannot be confirmed. `members` maps each member's pod
    name to its uid, as last seen. `unserved_since` is set only where `serving` is False: clients have been unserved
    since this time, before `at`, because a request that was sent then got no answer.
    """

    at: datetime
    serving: bool | None
    healthy: bool | None
    problems: tuple[Problem, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)
    unserved_since: datetime | None = None

    @property
    def known(self) -> bool:
        """Returns whether health, which is what is scored, is known. `serving` may still be unknown."""
        return self.healthy is not None

    @property
    def message(self) -> str:
        """The unmet conditions as one line; empty when healthy."""
        return "; ".join(problem.message for problem in self.problems)


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """How many of the expected `members` a fault hits at once (`targets`), and how many of them vote together.

    `voters` is less than `members` where the data is spread: of five stores, three may hold a region.
    """

    targets: int
    members: int
    voters: int

    @property
    def tolerated(self) -> int:
        """The most that may fail at once while a majority of the voters remains, for any choice of members."""
        return tolerated_failures(self.voters)


@dataclass(frozen=True, slots=True)
class SubjectOptions:
    """The options of a campaign's subject, beside its namespace. A subject raises Unsupported for one it cannot use.

    `probe`: `none`, or `write` for a small client whose writes decide whether clients are served. `selectors`: label
    selectors by the subject's own roles, `endpoints` URLs; both for a system that other manifests than ours set up.
    `tls_secret`: the Secret in the subject's namespace that holds `ca.crt`, and `tls.crt` with `tls.key` where the
    system asks for a certificate. `reset`: `heal`, or `recreate` to begin every attempt with an empty system.
    """

    probe: str = "none"
    selectors: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    tls_secret: str | None = None
    reset: str = "heal"


@dataclass(frozen=True, slots=True)
class SubjectContext:
    """What a subject is made with: its namespace, a connection to the cluster, and the clock.

    `images` names helper images by role (`pause`: a container that does nothing), read from the node at set-up.
    `faults` are those that plug-ins add to this type of subject, by name.
    """

    cluster: Cluster
    namespace: str
    now: Callable[[], datetime]
    images: Mapping[str, str] = field(default_factory=dict)
    options: SubjectOptions = field(default_factory=SubjectOptions)
    faults: Mapping[str, FaultType] = field(default_factory=dict)


@runtime_checkable
class EvalSubject(Protocol):
    """A system under test. One object serves one campaign; every method may be cancelled at any await.

    Methods raise SubjectError (or a subclass) with a sentence when the subject will not do what is asked, and let
    `ClusterUnreachable` through when the API server cannot be reached.
    """

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        """Returns the types of chaos that this subject offers, by name. Pure; works before the subject exists."""
        ...

    async def check_ready(self) -> None:
        """Returns when the subject exists with all the members it should have; else raises SubjectNotReady.

        Raises Unsupported where it exists and can never do what the campaign's options ask for.
        """
        ...

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        """Returns how many members a fault of this type hits. Raises as `check_ready`; reads from Kubernetes alone."""
        ...

    async def reset(self, report: Report = no_report) -> None:
        """Brings the subject to its known state: reverts what an attempt changed, and spreads leadership. Repeatable.

        It does not look for faults, which were reverted from their records before. What the campaign did not change
        stays as its owner has it. `report` receives what is waited for.

        Returns when that is done and verified. `wait_healthy` waits until the subject is healthy; a reset does so only
        where spreading leadership needs it.
        """
        ...

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        """Returns the last verdict once the subject has been healthy for `settle_seconds` without a break.

        It has no time limit: the caller sets one, and `on_verdict` receives every verdict meanwhile.
        """
        ...

    def watch_health(self) -> AsyncGenerator[Verdict, None]:
        """Yields verdicts without end: one at once, one at every change, and at least one every 0.5 s.

        Raises nothing for what happens to the subject or the network: what cannot be seen is None in the verdict.
        Ends when the iterator is closed.
        """
        ...

    async def capture_state(self) -> Mapping[str, Json]:
        """Returns the state for the record, as JSON: pods with uid and restarts, members, leader, versions, digests.

        A member that does not answer is part of the state, with the error, and raises nothing.
        """
        ...

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        """Draws the targets with `rng` alone, so that the same seed hits the same members. Changes nothing."""
        ...

    async def inject_chaos(self, fault: Fault) -> datetime:
        """Applies the plan, guarded by the uids, and returns when the accepted request was sent (UTC).

        Raises ChaosRefused when it was definitely not applied, to none of its targets. Any other exception leaves that
        open, and the caller must treat the fault as possibly applied.
        """
        ...

    async def cleanup_chaos(self, fault: Fault) -> None:
        """Reverts the fault by its record alone; returns when nothing of it is left. May be called again."""
        ...

    async def end_attempt(self) -> None:
        """Notes what the attempt leaves, once its agent is gone, so that a reset reverts that and nothing else.

        Raises where that cannot be seen; then it is unknown what the attempt changed, and a reset reverts nothing.
        """
        ...

    async def close(self) -> None:
        """Closes all connections. The subject is not used afterwards."""
        ...


SubjectFactory = Callable[[SubjectContext], EvalSubject]
"""Makes the subject of one campaign, without any request. Raises Unsupported for options it does not offer."""
