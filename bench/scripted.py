"""A subject that lives in memory and does what its script says, with delays that are known.

It is a whole `EvalSubject`, not a mock: it keeps members with uids, gets hurt by a fault, heals (or not) after a given
time, and its oracle reports what is so. The bench subtracts its delays; the tests script its misfortunes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from subjects.cluster import ClusterUnreachable
from subjects.protocol import (
    BlastRadius,
    ChaosRefused,
    ChaosType,
    Fault,
    Problem,
    SubjectContext,
    SubjectNotReady,
    Target,
    Verdict,
)


class KillParams(BaseModel):
    """What the scripted chaos takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gracePeriodSeconds: int = Field(1, ge=0, le=30)  # the name people write in YAML
    count: int = Field(1, ge=1)


@dataclass
class Script:
    """How the subject behaves. Times are in seconds; None means never."""

    hurt_after: float | None = 0.0
    heal_after: float | None = 0.05
    reset_takes: float = 0.0
    blind_between: tuple[float, float] | None = None
    """Seconds after the injection between which the oracle cannot see."""
    verdict_every: float = 0.25
    ready: bool = True
    healthy_at_first: bool = True
    plan_error: Exception | None = None
    inject_error: Exception | None = None
    inject_hangs: bool = False
    cleanup_takes: float = 0.0
    cleanup_error: Exception | None = None
    end_error: Exception | None = None
    reset_errors: list[Exception] = field(default_factory=list)
    capture_error: Exception | None = None


@dataclass
class World:
    """What outlives a subject object, as a cluster would: members, the fault that is there, and a log of deeds."""

    members: dict[str, str] = field(default_factory=lambda: {f"m-{i}": str(uuid4()) for i in range(3)})
    fault: Fault | None = None
    injected: list[Fault] = field(default_factory=list)
    cleanups: int = 0
    ends: list[Fault | None] = field(default_factory=list)
    """What was left when the end of an attempt was noted, each time."""
    hurt: bool = False
    blind: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def touch(self) -> None:
        """Wake whoever watches."""
        self.changed.set()
        self.changed = asyncio.Event()


class ScriptedSubject:
    """See the module."""

    def __init__(self, context: SubjectContext, script: Script | None = None, world: World | None = None) -> None:
        self.now: Callable[[], datetime] = context.now
        self.script = script or Script()
        self.world = world or World()

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        return {"node_kill": ChaosType("node_kill", "a member goes away", KillParams)}

    async def check_ready(self) -> None:
        if not self.script.ready:
            raise SubjectNotReady("the scripted subject is not there yet")

    async def reset(self, say: Callable[[str], None] = lambda _: None) -> None:
        if self.script.reset_errors:
            raise self.script.reset_errors.pop(0)
        await asyncio.sleep(self.script.reset_takes)

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        while True:
            verdict = self._look()
            on_verdict(verdict)
            if verdict.healthy:
                await asyncio.sleep(settle_seconds)
                return self._look()
            await asyncio.sleep(0.01)

    async def watch_health(self) -> AsyncGenerator[Verdict, None]:
        while True:
            changed = self.world.changed
            yield self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.script.verdict_every):
                    await changed.wait()

    def _look(self) -> Verdict:
        world = self.world
        if world.blind:
            return Verdict(self.now(), None, None, (Problem("Blind", "the API server is away"),))
        if world.hurt or not self.script.healthy_at_first:
            target = world.fault.targets[0].name if world.fault else "m-0"
            problem = Problem("MemberDown", f"{target} is down", target)
            return Verdict(self.now(), True, False, (problem,), dict(world.members))
        return Verdict(self.now(), True, True, (), dict(world.members))

    async def capture_state(self) -> Mapping[str, Any]:
        if self.script.capture_error:
            raise self.script.capture_error
        return {"members": dict(self.world.members), "hurt": self.world.hurt}

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        assert isinstance(params, KillParams)
        return BlastRadius(params.count, len(self.world.members), len(self.world.members))

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        if self.script.plan_error:
            raise self.script.plan_error
        assert isinstance(params, KillParams)
        members = self.world.members
        first = rng.choice(sorted(members))
        names = [first, *rng.sample(sorted(members.keys() - {first}), params.count - 1)]
        targets = tuple(Target(name, members[name]) for name in names)
        return Fault(chaos, targets, params.model_dump(), {"wait_for": first})

    async def inject_chaos(self, fault: Fault) -> datetime:
        if self.script.inject_error:
            raise self.script.inject_error
        if self.script.inject_hangs:
            await asyncio.Event().wait()
        if any(self.world.members[each.name] != each.uid for each in fault.targets):
            raise ChaosRefused(f"{fault.names}: one is another one now")
        sent_at = self.now()
        self.world.injected.append(fault)
        self.world.fault = fault
        self._soon(self._suffer(fault))
        return sent_at

    async def _suffer(self, fault: Fault) -> None:
        script, world = self.script, self.world
        events: list[tuple[float, Callable[[], None]]] = []
        if script.hurt_after is not None:
            events.append((script.hurt_after, lambda: setattr(world, "hurt", True)))
            if script.heal_after is not None:
                events.append((script.hurt_after + script.heal_after, lambda: self._heal(fault)))
        if script.blind_between is not None:
            events.append((script.blind_between[0], lambda: setattr(world, "blind", True)))
            events.append((script.blind_between[1], lambda: setattr(world, "blind", False)))
        passed = 0.0
        for at, happen in sorted(events, key=lambda event: event[0]):
            await asyncio.sleep(at - passed)
            passed = at
            happen()
            world.touch()

    def _heal(self, fault: Fault) -> None:
        self.world.hurt = False
        self.world.members |= {each.name: str(uuid4()) for each in fault.targets}

    async def cleanup_chaos(self, fault: Fault) -> None:
        self.world.cleanups += 1
        if self.script.cleanup_error:
            raise self.script.cleanup_error
        await asyncio.sleep(self.script.cleanup_takes)
        for task in self.world.tasks:
            task.cancel()
        if self.world.hurt:
            self._heal(fault)
        self.world.fault, self.world.blind = None, False
        self.world.touch()

    def _soon(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.world.tasks.add(task)
        task.add_done_callback(self.world.tasks.discard)

    async def end_attempt(self) -> None:
        self.world.ends.append(self.world.fault)
        if self.script.end_error is not None:
            raise self.script.end_error

    async def close(self) -> None:
        """Nothing to let go of: the world goes on without us."""


AWAY = ClusterUnreachable("the API server is away")
