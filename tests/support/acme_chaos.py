"""Somebody else's package: a switch (a ConfigMap that says `on` or `off`) as a subject, and faults that turn values.

It is no part of evalcampaign: tests install it beside it, as pip would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from datetime import datetime
from random import Random
from typing import Any

from pydantic import BaseModel

from subjects.cluster import ClusterError
from subjects.errors import ChaosRefused, SubjectNotReady
from subjects.fault import Fault, Json, Target
from subjects.faults.objectfault import ObjectFault
from subjects.faulttype import (
    Candidates,
    ChaosType,
    FaultContext,
    FaultType,
    Params,
    fault_named,
    revert_fully,
)
from subjects.health import wait_until_healthy
from subjects.protocol import BlastRadius, Problem, Report, SubjectContext, Verdict, no_report

CONFIG_MAPS = "v1/configmaps"


class ValueParams(Params):
    """`value`: what the setting is turned to."""

    value: str = "off"


class SettingTurned(ObjectFault):
    """A value of a ConfigMap is turned."""

    kind = CONFIG_MAPS
    heals_itself = False
    reverted_by = "somebody turns it back"

    def __init__(self, name: str, config_map: str, key: str, subjects: Collection[str]) -> None:
        super().__init__(name, f"{key} in {config_map} is turned", ValueParams)
        self._config_map = config_map
        self._key = key
        self.subjects = subjects  # type: ignore[misc]  # of the class elsewhere

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        return f"{self._key} in {target.name} was turned to {params['value']}"

    async def choose(
        self, context: FaultContext, candidates: Candidates, params: BaseModel, rng: Random
    ) -> Mapping[str, Any]:
        try:
            return await context.cluster.get_object(context.namespace, self.kind, self._config_map)
        except ClusterError as error:
            raise ChaosRefused(f"there is no {self._config_map}") from error

    def changes(self, found: Mapping[str, Any], params: BaseModel) -> Mapping[str, Json]:
        assert isinstance(params, ValueParams)
        return {f"/data/{self._key}": params.value}


SWITCHED_OFF = SettingTurned("switched_off", "switch", "state", ())
LEVEL_TURNED = SettingTurned("level_turned", "settings", "level", ("etcd", "switch"))


class SwitchSubject:
    """Healthy while the ConfigMap `switch` says `on`."""

    def __init__(self, context: SubjectContext) -> None:
        self._context = context
        self._faults: Mapping[str, FaultType] = {SWITCHED_OFF.name: SWITCHED_OFF, **context.faults}

    def get_chaos_types(self) -> Mapping[str, ChaosType]:
        return {name: fault.chaos_type for name, fault in self._faults.items()}

    async def check_ready(self) -> None:
        try:
            await self._switch()
        except ClusterError as error:
            raise SubjectNotReady("there is no switch") from error

    async def blast_radius(self, chaos: str, params: BaseModel) -> BlastRadius:
        return BlastRadius(0, 1, 1)

    async def reset(self, report: Report = no_report) -> None:
        pass

    async def wait_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> Verdict:
        return await wait_until_healthy(self.watch_health(), settle_seconds, on_verdict)

    async def watch_health(self) -> AsyncGenerator[Verdict, None]:
        while True:
            switch = await self._switch()
            on = switch["data"]["state"] == "on"
            problems = () if on else (Problem("SwitchedOff", "the switch is off", "switch"),)
            yield Verdict(self._context.now(), on, on, problems, {"switch": switch["metadata"]["uid"]})
            await asyncio.sleep(0.05)

    async def capture_state(self) -> Mapping[str, Json]:
        return {"switch": (await self._switch())["data"], "servingAccordingTo": "the switch's own word"}

    async def plan_chaos(self, chaos: str, params: BaseModel, rng: Random) -> Fault:
        fault = fault_named("switch", self._faults, chaos)
        return await fault.plan(self._fault_context(), Candidates((), {}), params, rng)

    async def inject_chaos(self, fault: Fault) -> datetime:
        return await fault_named("switch", self._faults, fault.chaos).inject(self._fault_context(), fault, None)

    async def cleanup_chaos(self, fault: Fault) -> None:
        await revert_fully(fault_named("switch", self._faults, fault.chaos), self._fault_context(), fault, 0.05)

    async def end_attempt(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def _switch(self) -> Mapping[str, Any]:
        return await self._context.cluster.get_object(self._context.namespace, CONFIG_MAPS, "switch")

    def _fault_context(self) -> FaultContext:
        context = self._context
        return FaultContext(context.cluster, context.namespace, context.now, "")
