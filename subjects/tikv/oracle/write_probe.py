"""A small client that writes one reserved key to every region, again and again: service is what it gets.

Writes overlap as polls do: one that was sent while a region had no leader may hang until its timeout, and only a later
one shows that the region serves again. The later of two writes to one region counts.

The client is a real one and behaves like those of applications: it knows regions and leaders from its own cache, asks
PD when a member answers that it is wrong, and does without PD while it is not. Its one weakness is a store that comes
back under another address, which a connection may take half a minute to find. So where a write fails, a new client,
with nothing cached, takes the next ones.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from subjects.cluster import ClusterUnreachable
from subjects.protocol import SubjectError
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import PD
from subjects.tikv.members.schemas import Region
from subjects.tikv.oracle.observations import WriteResult
from subjects.tls import TlsCredentials
from subjects.watching.polling import PollSettings, RoundRobin

if TYPE_CHECKING:
    from tikv import AsyncRawClient, TLSConfig

KEY_SUFFIX = b"\x00healthcheck"
"""Agents may read the whole store, so the name gives no hint of an evaluation."""

VALUE = b"ok"

MAX_IN_FLIGHT = 3
"""Writes to one region that may hang at once."""

RENEW_SECONDS = 1.0
"""A client that fails is replaced, but no sooner than this after it was made."""

TIMEOUT_FACTOR = 1.1
"""The client keeps its own timeout and its error names what it waited for; only one that exceeds it is cancelled."""

MAX_PER_PERIOD = 32
"""Regions written to in one period; of more, some each time, in turn."""


def reserved_key(region: Region) -> bytes | None:
    """Returns a key inside the region that nobody else uses. Pure.

    None where there is no room for one, or the region's bounds are not hexadecimal.
    """
    try:
        start, end = bytes.fromhex(region.start_key), bytes.fromhex(region.end_key)
    except ValueError:
        return None
    key = start + KEY_SUFFIX
    return key if not end or key < end else None


class WriteProbe:
    """Writes for as long as `run` runs. `regions` returns what PD listed last."""

    def __init__(self, endpoints: Endpoints, polling: PollSettings, regions: Callable[[], Sequence[Region]]) -> None:
        self._endpoints = endpoints
        self._polling = polling
        self._regions = regions
        self._clock = asyncio.get_running_loop().time
        self._round_robin: RoundRobin[int] = RoundRobin(MAX_PER_PERIOD)
        self._results: dict[int, WriteResult] = {}
        self._in_flight: Counter[int] = Counter()
        self._client: AsyncRawClient | None = None
        self._connected_at = 0.0
        self._retired: set[asyncio.Task[None]] = set()
        self._on_change: Callable[[], None] = lambda: None

    def latest(self) -> Mapping[int, WriteResult | None]:
        """Returns the latest write to every region that may be written to; None where none still holds."""
        since = self._clock() - self._polling.max_age - (self._round_robin.rounds() - 1) * self._polling.period
        latest = {region_id: self._results.get(region_id) for region_id in self._keys()}
        return {id_: write if write is not None and write.sent_at >= since else None for id_, write in latest.items()}

    async def run(self, on_change: Callable[[], None]) -> None:
        """Writes in each period, until cancelled; `on_change` is called whenever a write has ended."""
        self._on_change = on_change
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._renew_client()
                keys = self._keys()
                for region_id in self._round_robin.next_batch(keys, self._is_failing, self._clock()):
                    if self._client is not None and self._in_flight[region_id] < MAX_IN_FLIGHT:
                        task = asyncio.create_task(self._write(self._client, region_id, keys[region_id]))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                await asyncio.sleep(self._polling.period)
        finally:
            for task in (*tasks, *self._retired):
                task.cancel()
            await asyncio.gather(*tasks, *self._retired, return_exceptions=True)
            if self._client is not None:
                await self._client.close()

    def _keys(self) -> dict[int, bytes]:
        keys = {region.id: reserved_key(region) for region in self._regions()}
        return {region_id: key for region_id, key in keys.items() if key is not None}

    def _is_failing(self, region_id: int) -> bool:
        write = self._results.get(region_id)
        return write is None or write.error is not None

    async def _write(self, client: AsyncRawClient, region_id: int, key: bytes) -> None:
        sent_at = self._clock()
        self._in_flight[region_id] += 1
        try:
            async with asyncio.timeout(TIMEOUT_FACTOR * self._polling.timeout):
                await client.put(key, VALUE)
            write = WriteResult(sent_at)
        except Exception as error:  # a client's word for whatever went wrong; none of it may end the watch
            write = WriteResult(sent_at, _describe_error(error))
        finally:
            self._in_flight[region_id] -= 1
        latest = self._results.get(region_id)
        if latest is None or sent_at >= latest.sent_at:
            self._results[region_id] = write
        self._on_change()

    async def _renew_client(self) -> None:
        """Connects a client, if there is none, and a new one, if the present one fails."""
        writes = self._results.values()
        failing = any(write.error is not None and write.sent_at >= self._connected_at for write in writes)
        if self._client is not None and not (failing and self._clock() - self._connected_at > RENEW_SECONDS):
            return
        # What keeps us from a new one must not keep the old one from its writes for long.
        with suppress(SubjectError, ClusterUnreachable, TimeoutError):
            async with asyncio.timeout(self._polling.timeout):
                client = await connect(self._endpoints, self._polling.timeout)
            if client is not None:
                if self._client is not None:
                    self._retire(self._client)
                self._client, self._connected_at = client, self._clock()

    def _retire(self, client: AsyncRawClient) -> None:
        """Closes the client after its last writes have ended."""

        async def close() -> None:
            await asyncio.sleep(2 * self._polling.timeout)
            await client.close()

        task = asyncio.create_task(close())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)


def _describe_error(error: Exception) -> str:
    cause = error.__cause__ or error
    details = getattr(cause, "details", None)  # gRPC's errors say it there, and much else in str()
    text = details() if callable(details) else str(cause)
    description = " ".join(str(text or "").split()) or type(cause).__name__
    return f"{type(error).__name__}: {description}"[:200]


# The client ----------------------------------------------------------------------------------------------------------


async def connect(endpoints: Endpoints, timeout: float) -> AsyncRawClient | None:
    """Returns a client with nothing cached that begins with PD's members as they are now.

    None while none of them has an address. Every operation has `timeout` seconds. Raises SubjectError or
    ClusterUnreachable where the pods cannot be listed.
    """
    from tikv import AsyncRawClient  # a heavy import, for those who write

    credentials = await endpoints.credentials()
    pods = [pod for _, pod in sorted((await endpoints.pd_pods()).items()) if pod.ip and not pod.deleting]
    if not pods:
        return None
    if credentials is None:
        return AsyncRawClient([_address(pod.ip or "", endpoints.port(PD, pod)) for pod in pods], timeout=timeout)
    names = [f"{endpoints.server_name(PD, pod)}:{endpoints.port(PD, pod)}" for pod in pods]
    with TemporaryDirectory() as folder:  # the files are read while the client is made
        return AsyncRawClient(names, timeout=timeout, tls=_tls_config(credentials, Path(folder)))


def _address(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _tls_config(credentials: TlsCredentials, folder: Path) -> TLSConfig:
    from tikv import TLSConfig

    files: dict[str, Path] = {}
    for name, pem in (("ca", credentials.authority), ("cert", credentials.certificate), ("key", credentials.key)):
        if pem is not None:
            files[name] = folder / name
            files[name].write_bytes(pem)
    return TLSConfig(files["ca"], files.get("cert"), files.get("key"))
