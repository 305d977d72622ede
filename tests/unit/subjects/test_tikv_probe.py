"""The writing client: which regions it writes to, what it makes of answers, when it is replaced by a fresh one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from subjects.cluster import ClusterUnreachable
from subjects.tikv.members.schemas import Region
from subjects.tikv.oracle import write_probe
from subjects.tikv.oracle.write_probe import WriteProbe, reserved_key
from subjects.watching.polling import PollSettings

PACE = PollSettings(period=0.01, timeout=0.05)
REGIONS = [Region(id=1, end_key="6d"), Region(id=2, start_key="6d")]


class Client:
    """Takes writes, unless `broken` says for their keys what to raise; "hang": it never answers."""

    def __init__(self, broken: dict[bytes, Any]) -> None:
        self.broken = broken
        self.written: list[bytes] = []
        self.closed = False

    async def put(self, key: bytes, value: bytes) -> None:
        assert not self.closed, "written to after it was closed"
        await asyncio.sleep(0)
        trouble = self.broken.get(key)
        if trouble == "hang":
            await asyncio.sleep(3600)
        if trouble is not None:
            raise trouble
        self.written.append(key)

    async def close(self) -> None:
        self.closed = True


class Lab:
    """Makes clients; `broken` is shared by all of them."""

    def __init__(self) -> None:
        self.broken: dict[bytes, Any] = {}
        self.clients: list[Client] = []
        self.refusal: Exception | None = None
        self.regions = list(REGIONS)

    async def connect(self, endpoints: object, timeout: float) -> Client:
        if self.refusal is not None:
            raise self.refusal
        self.clients.append(Client(self.broken))
        return self.clients[-1]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setattr(write_probe, "connect", made.connect)
    monkeypatch.setattr(write_probe, "RENEW_SECONDS", 0.02)
    return made


@asynccontextmanager
async def writing(lab: Lab) -> AsyncIterator[WriteProbe]:
    writes = WriteProbe(None, PACE, lambda: lab.regions)
    running = asyncio.create_task(writes.run(lambda: None))
    try:
        yield writes
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def fine(writes: WriteProbe, region_id: int) -> bool:
    write = writes.latest()[region_id]
    return write is not None and write.error is None


def failed(writes: WriteProbe, region_id: int) -> bool:
    write = writes.latest()[region_id]
    return write is not None and write.error is not None


async def test_every_region_is_written_to_and_until_then_nothing_is_claimed(lab: Lab) -> None:
    async with writing(lab) as writes:
        assert writes.latest() == {1: None, 2: None}
        await until(lambda: fine(writes, 1) and fine(writes, 2))
        assert {reserved_key(region) for region in REGIONS} == set(lab.clients[0].written)


async def test_one_region_that_takes_no_write_does_not_touch_the_other(lab: Lab) -> None:
    lab.broken[reserved_key(REGIONS[1])] = RuntimeError("not leader")
    async with writing(lab) as writes:
        await until(lambda: failed(writes, 2))
        assert fine(writes, 1)
        assert writes.latest()[2].error == "RuntimeError: not leader"


async def test_a_write_that_hangs_fails_at_its_limit_and_a_later_one_shows_that_service_is_back(lab: Lab) -> None:
    key = reserved_key(REGIONS[0])
    lab.broken[key] = "hang"
    async with writing(lab) as writes:
        await until(lambda: failed(writes, 1))
        del lab.broken[key]
        await until(lambda: fine(writes, 1))


async def test_a_client_that_fails_is_replaced_by_a_fresh_one_and_one_that_works_is_kept(lab: Lab) -> None:
    async with writing(lab) as writes:
        await until(lambda: len(lab.clients[0].written) > 20 if lab.clients else False)
        assert len(lab.clients) == 1
        lab.broken[reserved_key(REGIONS[0])] = RuntimeError("unreachable")
        await until(lambda: len(lab.clients) > 1)
        await until(lambda: lab.clients[0].closed)
        assert not lab.clients[-1].closed
        assert writes.latest()


async def test_while_no_fresh_client_can_be_made_the_old_one_goes_on(lab: Lab) -> None:
    async with writing(lab) as writes:
        await until(lambda: fine(writes, 1))
        lab.refusal = ClusterUnreachable("connection refused")
        lab.broken[reserved_key(REGIONS[0])] = RuntimeError("unreachable")
        await until(lambda: failed(writes, 1))
        del lab.broken[reserved_key(REGIONS[0])]
        await until(lambda: fine(writes, 1))
        assert len(lab.clients) == 1


async def test_regions_that_are_split_off_or_gone_are_followed(lab: Lab) -> None:
    async with writing(lab) as writes:
        await until(lambda: fine(writes, 1))
        lab.regions = [Region(id=3, start_key="70")]
        assert writes.latest() == {3: None}
        await until(lambda: fine(writes, 3))


async def test_writes_that_stopped_long_ago_no_longer_hold(lab: Lab) -> None:
    async with writing(lab) as writes:
        await until(lambda: fine(writes, 1))
    await asyncio.sleep(2 * PACE.max_age)
    assert writes.latest() == {1: None, 2: None}


async def test_at_its_end_every_client_is_closed(lab: Lab) -> None:
    async with writing(lab):
        await until(lambda: len(lab.clients) == 1)
    assert all(client.closed for client in lab.clients)


class RpcError(Exception):
    """As gRPC's: what it says is in its details, among much else."""

    def details(self) -> str:
        return "Deadline\nExceeded"


async def test_what_grpc_says_is_told_in_its_own_words_and_in_one_line(lab: Lab) -> None:
    lab.broken[reserved_key(REGIONS[0])] = RpcError("<AioRpcError of RPC that terminated with: status = X>")
    async with writing(lab) as writes:
        await until(lambda: failed(writes, 1))
        assert writes.latest()[1].error == "RpcError: Deadline Exceeded"
