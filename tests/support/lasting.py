"""A subject whose world is a file: it lives on when the controller is killed, as a cluster would.

It heals by the clock, so nobody has to run for that. `deeds` is the list of what was ever done to it, in order.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from bench.scripted import KillParams
from subjects.protocol import BlastRadius, ChaosRefused, ChaosType, Fault, Problem, SubjectContext, Target, Verdict

HURT_SECONDS = 0.1


class LastingWorld:
    """The file: members with their uids, the target that is down and until when, and the deeds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            self.write({"members": {f"m-{i}": str(uuid4()) for i in range(3)}, "down": None, "deeds": []})

    def read(self) -> dict[str, Any]:
        """As it is now."""
        return dict(json.loads(self._path.read_text()))

    def write(self, world: Mapping[str, Any]) -> None:
        """All at once, or not at all."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(world))
        new.rename(self._path)


class LastingSubject:
    """An EvalSubject on such a world. A node that is killed stays down for HURT_SECONDS, or until it is cleaned up."""

    def __init__(self, context: SubjectContext, world: LastingWorld, stays_down: bool = False) -> None:
        self.now: Callable[[], datetime] = context.now
        self.world = world
        self.hurt_seconds = 1e9 if stays_down else HURT_SECONDS

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        return {"node_kill": ChaosType("node_kill", "a member goes away", KillParams)}

    async def check_ready(self) -> None:
        """It is always there."""

    async def reset(self, say: object = None) -> None:
        """There is nothing to spread."""

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        async for verdict in self.watch_health():
            on_verdict(verdict)
            if verdict.healthy:
                return verdict
        raise AssertionError("verdicts have no end")

    async def watch_health(self) -> AsyncGenerator[Verdict, None]:
        while True:
            yield self._look()
            await asyncio.sleep(0.02)

    def _look(self) -> Verdict:
        world = self.world.read()
        down = world["down"]
        if down is None or time.time() > down["until"]:
            return Verdict(self.now(), True, True, (), world["members"])
        return Verdict(self.now(), True, False, (Problem("MemberDown", "down", down["target"]),), world["members"])

    async def capture_state(self) -> Mapping[str, Any]:
        return self.world.read()["members"]

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        return BlastRadius(1, len(self.world.read()["members"]), len(self.world.read()["members"]))

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        members = self.world.read()["members"]
        target = rng.choice(sorted(members))
        return Fault(chaos, (Target(target, members[target]),), params.model_dump())

    async def inject_chaos(self, fault: Fault) -> datetime:
        world = self.world.read()
        if world["members"][fault.targets[0].name] != fault.targets[0].uid:
            raise ChaosRefused(f"{fault.targets[0].name} is another one now")
        sent_at = self.now()
        world["members"][fault.targets[0].name] = str(uuid4())
        world["down"] = {"target": fault.targets[0].name, "until": time.time() + self.hurt_seconds}
        world["deeds"].append("inject")
        self.world.write(world)
        return sent_at

    async def cleanup_chaos(self, fault: Fault) -> None:
        world = self.world.read()
        world["down"] = None
        world["deeds"].append("cleanup")
        self.world.write(world)

    async def end_attempt(self) -> None:
        pass

    async def close(self) -> None:
        """There is nothing to let go of."""
