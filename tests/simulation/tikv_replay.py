"""The real health watch on a recording, in time that costs nothing."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from controller.attempt.observation import Observation, ObservationWindow, add_verdict
from subjects.images import KnownImages
from subjects.protocol import Fault, SubjectContext, SubjectOptions, Target, Verdict
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.options import check
from subjects.tikv.oracle import write_probe
from subjects.tikv.oracle.prober import TikvProber
from subjects.watching.polling import PollSettings
from subjects.watching.stream import VerdictStream
from tests.support.tape import Tape, TapeClock, TapeCluster
from tests.support.virtual import run_virtually

BEGIN = -3.0
"""The watch begins so many seconds ahead of the command."""


class TapeClient:
    """Writes as the recorded client's went. It wrote to region 8 alone; here every region fares as that one did."""

    def __init__(self, tape: Tape, clock: TapeClock) -> None:
        self._tape = tape
        self._clock = clock

    async def put(self, key: bytes, value: bytes) -> None:
        write = self._tape.write(self._clock())
        if write is not None:
            await self._clock.sleep(write.seconds)
            if not write.ok:
                raise RuntimeError(write.error)

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Replay:
    """The verdicts of one replay, with their times in seconds after the command."""

    tape: Tape
    verdicts: list[tuple[float, Verdict]]

    def serving(self, start: float, end: float) -> set[bool | None]:
        """What was said of service between two times."""
        return {verdict.serving for t, verdict in self.verdicts if start <= t < end}

    def healthy(self, start: float, end: float) -> set[bool | None]:
        """What was said of health between two times."""
        return {verdict.healthy for t, verdict in self.verdicts if start <= t < end}

    def reasons(self, start: float, end: float) -> set[str]:
        """Every reason that was given between two times."""
        return {p.reason for t, verdict in self.verdicts if start <= t < end for p in verdict.problems}

    def observed(self, target: str, settle: float = 2.0, window: float = 300.0) -> Observation:
        """What an attempt that injected this fault at the command would have made of it."""
        start = self.tape.instant(0)
        uid = self.tape.pods(BEGIN, target.partition("-")[0])[target].uid
        fault = Fault("recorded", (Target(target, uid),), {})
        opened = ObservationWindow(
            start, start + timedelta(seconds=window), timedelta(seconds=settle), timedelta(seconds=5)
        )
        seen = Observation()
        for _, verdict in self.verdicts:
            seen = add_verdict(opened, fault, seen, verdict)
            if seen.ended is not None:
                break
        return seen

    def seconds(self, at: datetime) -> float:
        """A time of an observation, in seconds after the command."""
        return (at - self.tape.instant(0)).total_seconds()


def replay(name: str, until: float, monkeypatch: pytest.MonkeyPatch | None = None) -> Replay:
    """Watch a recording until so many seconds after its command; with a monkeypatch, with its writes as the probe."""
    tape = Tape.load(name)

    async def watch() -> list[tuple[float, Verdict]]:
        clock = TapeClock(begin=BEGIN)
        cluster = TapeCluster(tape, clock)
        options = SubjectOptions(probe="none" if monkeypatch is None else "write")
        if monkeypatch is not None:

            async def connect(endpoints: Endpoints, timeout: float) -> TapeClient:
                return TapeClient(tape, clock)

            monkeypatch.setattr(write_probe, "connect", connect)
        endpoints = Endpoints(SubjectContext(cluster, "tikv", cluster.now, options=options), check(options))  # type: ignore[arg-type]
        prober = TikvProber(endpoints, endpoints.find, PollSettings(), lambda: None, KnownImages())
        verdicts = []
        async with aclosing(VerdictStream(endpoints.context, prober).verdicts()) as stream:
            async for verdict in stream:
                verdicts.append((clock(), replace(verdict)))
                if clock() > until:
                    return verdicts
        raise AssertionError("the stream ended")

    return Replay(tape, run_virtually(watch()))
