"""A controller that is killed with SIGKILL at each point once, on a real API server, breaking a real subject's pods.

`make crash-test` does it many times at each point, with both kinds of chaos (docs/crash.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.apiserver import binaries
from tests.crash.counting import count
from tests.crash.ground import Ground, laid
from tests.crash.killing import Kill, carry_out
from tests.crash.plan import once

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    binaries.require()
    async with laid(tmp_path_factory.mktemp("crash")) as made:
        yield made


@pytest.mark.parametrize("kill", once(), ids=lambda kill: f"{kill.death.point}, {kill.chaos}")
async def test_nothing_is_lost_doubled_or_left_behind_when_it_is_killed(kill: Kill, ground: Ground) -> None:
    counted = count(await carry_out(kill, ground))
    assert counted.clean, counted
