"""How long undoing goes on: an outage is waited for, a server that is there and does not serve has a deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controller.attempt.injection import CleanupFailed, revert_fault
from subjects.cluster import ClusterError, ClusterFailing, ClusterUnreachable
from subjects.protocol import Fault, Target
from tests.support.virtual import run_virtually

FAULT = Fault("node_kill", (Target("s-0", "uid"),), {})
AWAY, FAILING = ClusterUnreachable("no answer"), ClusterFailing("HTTP 500: failed calling webhook")


class Subject:
    """Undoes at once, after these misfortunes; the last one goes on for as long as `lasting` says."""

    def __init__(self, *misfortunes: Any, lasting: bool = False) -> None:
        self._misfortunes = list(misfortunes)
        self._lasting = lasting
        self.tries = 0

    async def cleanup_chaos(self, _: Any) -> None:
        self.tries += 1
        if self._misfortunes:
            first = self._misfortunes[0]
            if not self._lasting or len(self._misfortunes) > 1:
                self._misfortunes.pop(0)
            raise first


def undone(subject: Any, limit: float = 10.0) -> Any:
    """How long it took, in seconds, and what was said."""
    said: list[Any] = []

    async def main() -> Any:
        began = asyncio.get_running_loop().time()
        await revert_fault(subject, FAULT, limit, said.append)
        return asyncio.get_running_loop().time() - began

    return run_virtually(main()), said


def test_an_outage_longer_than_the_limit_is_waited_for() -> None:
    took, said = undone(Subject(*[AWAY] * 100), limit=5)
    assert took > 5 and said[-1] == "the fault is still to be undone: no answer"


def test_a_webhook_that_is_down_for_a_moment_is_waited_for() -> None:
    took, _ = undone(Subject(*[FAILING] * 10))
    assert took < 10


def test_a_webhook_that_stays_down_fails_the_cleanup_in_time_and_is_named() -> None:
    subject = Subject(FAILING, lasting=True)
    with pytest.raises(CleanupFailed, match=r"within 10 s: HTTP 500: failed calling webhook$"):
        undone(subject)
    assert 10 < subject.tries < 30


def test_an_outage_in_between_does_not_count_and_does_not_forgive() -> None:
    subject = Subject(FAILING, *[AWAY] * 100, FAILING, lasting=True)
    with pytest.raises(CleanupFailed, match="failed calling webhook"):
        undone(subject)
    assert 110 < subject.tries < 130


def test_a_refusal_is_no_matter_of_time() -> None:
    with pytest.raises(CleanupFailed, match="could not be undone: no"):
        undone(Subject(ClusterError(403, "no")))
