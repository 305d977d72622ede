"""What a subject is: a system that can be watched, broken on purpose and brought back.

A subject knows its own system and nothing else: not Kopf, not the database, not campaigns. The engine in `controller/`
drives every subject through this protocol, so adding one takes a folder and an entry point (docs/subjects/plugins.md).

Injection has two halves. *Plan* picks the target and touches nothing; *inject* applies that plan, guarded by the
target's uid. The engine commits the plan in between, so whatever crashes when, the record says what may have been done
and how to undo it, and no fault is applied twice.

Every time in this package is UTC, taken from the one clock that the engine hands in (`SubjectContext.now`).
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
"""A callback that receives progress: a sentence about what is waited for."""


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

    `serving`: clients get answers. `healthy`: serving and fully redundant. Either is None where it is *unknown*: our
    own view failed, because the API server is unreachable, or members that Kubernetes calls Ready do not answer us. A
    missing or unready member is the subject's trouble, not ours, and makes them False. `healthy` True implies `serving`
    True; `serving` False implies `healthy` False. With `healthy` False, `serving` may be None: nobody can confirm it,
    and yet something is plainly missing. `members` maps each member's pod name to its uid, last seen. `unserved_since`
    is set only where `serving` is False: a time ahead of `at` since which clients are known to be unserved, because
    what was asked then got no answer.
    """

    at: datetime
    serving: bool | None
    healthy: bool | None
    problems: tuple[Problem, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)
    unserved_since: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether health, which is what is scored, is known. `serving` may still be unknown."""
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
        """The most that may fail at once while a majority of the voters remains, whichever members are hit."""
        return tolerated_failures(self.voters)


@dataclass(frozen=True, slots=True)
class SubjectOptions:
    """What a campaign says of its subject beyond where it lives. A subject refuses what it has no use for.

    `probe`: `none`, or `write` for a small client whose writes decide whether clients are served. `selectors`: label
    selectors by the subject's own roles; `endpoints`: URLs; both for a system that was not set up by our manifests.
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
    """What a subject is given: where it lives, how to reach it, and the clock.

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
        """The chaos this subject offers, by name. Pure; works before the subject exists."""
        ...

    async def check_ready(self) -> None:
        """Return when the subject is there with all the members it should have; else raise SubjectNotReady.

        Unsupported where it is there and can never do what the campaign's options ask for.
        """
        ...

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        """How much a fault of this type hits. Raises as `check_ready`; asks Kubernetes at most."""
        ...

    async def reset(self, report: Report = no_report) -> None:
        """Bring the subject to its known state: what an attempt changed in it, and who leads. Repeatable.

        Faults are not looked for: they were undone from their records before. What the campaign did not change stays as
        its owner has it. `report` receives what is waited for.

        Returns when that is done and verified; waiting until the subject is healthy is `wait_healthy`'s part, except
        where spreading leadership needs it.
        """
        ...

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        """Return the last verdict once the subject was healthy for `settle_seconds` without a break.

        Never gives up by itself: the caller sets the limit, and learns from `on_verdict` what is still missing.
        """
        ...

    def watch_health(self) -> AsyncGenerator[Verdict, None]:
        """Verdicts without end: one at once, one at every change, and at least one each 0.5 s.

        Never raises for what happens to the subject or the network: what cannot be seen is a verdict of None.
        Ends when the iterator is closed.
        """
        ...

    async def capture_state(self) -> Mapping[str, Json]:
        """The state worth keeping, as JSON: pods with uid and restarts, members, leader, versions, image digests.

        Members that do not answer are part of the state (with the error seen), not an exception.
        """
        ...

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        """Draw the targets with `rng` alone, so that the same seed meets the same members. Touches nothing."""
        ...

    async def inject_chaos(self, fault: Fault) -> datetime:
        """Apply the plan, guarded by the uid, and return when the request that was accepted was sent (UTC).

        Raises ChaosRefused when it was definitely not applied, to none of its targets. Any other exception leaves that
        open, and the caller must treat the fault as possibly applied.
        """
        ...

    async def cleanup_chaos(self, fault: Fault) -> None:
        """Revert the fault by its record alone; return when nothing of it is left. Converges where it is reverted."""
        ...

    async def end_attempt(self) -> None:
        """The attempt is over, and its agent gone: note what it leaves, so that a reset sets back that and no more.

        Raises where that cannot be seen; then nobody can tell what the attempt changed, and nothing is set back.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. The subject is not used afterwards."""
        ...


SubjectFactory = Callable[[SubjectContext], EvalSubject]
"""Makes the subject of one campaign, touching nothing. Unsupported where it does not offer what the options say."""
