"""pd-server: one member of PD, with the flags of the real one."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random

from aiohttp import web

from ..node import Fatal
from ..pd import settings
from ..pd.member import Member
from ..pd.peers import Ends
from .callers import PATH, Callers
from .disk import Disk
from .driver import Driver
from .lines import Lines
from .pd_grpc import pd_service
from .pd_http import PdHttp
from .process import bare, flags, listen, log, read_toml, run, told_to_end

FLAGS = [
    "name",
    "data-dir",
    "client-urls",
    "advertise-client-urls",
    "peer-urls",
    "advertise-peer-urls",
    "initial-cluster",
    "config",
    "log-level",
    "log-file",
    "metrics-addr",
]

RESIGN_SECONDS = 0.5
"""So long a leader that is told to end waits for another to take over."""


def _members(told: argparse.Namespace) -> dict[str, Ends]:
    """Of the others the cluster's list has the peer's end; the client's is likely at the same host and our own port."""
    client = bare(told.advertise_client_urls or told.client_urls)
    port = client.rpartition(":")[2]
    peers = dict(entry.split("=", 1) for entry in told.initial_cluster.split(",") if entry)
    if told.name not in peers:
        raise Fatal(f"--initial-cluster has no member named {told.name!r}")
    members = {}
    for name, url in peers.items():
        peer = bare(url)
        members[name] = Ends(peer, client if name == told.name else f"{peer.rpartition(':')[0]}:{port}")
    return members


async def _main(told: argparse.Namespace, stack: AsyncExitStack) -> str | None:
    disk = stack.enter_context(Disk(Path(told.data_dir)))
    member = Member(told.name, _members(told), settings.from_toml(read_toml(told.config)), Random())
    member.load(*disk.read())
    driver = Driver(member, disk, member.to_json)
    # etcd looks its peers' names up whenever it dials.
    lines = Lines(member.address, driver.receive, driver.unreachable, patient=False)
    stack.push_async_callback(lines.close)
    callers = Callers(driver.receive)

    def post(address: str, messages: list[dict[str, object]]) -> None:
        """To a member by a line of our own, to a store by the one that it made."""
        is_member = any(address == ends.peer for ends in member.peers.ends.values())
        (lines if is_member else callers).post(address, messages)

    driver.post = post
    http = PdHttp(driver, lines.session, callers, told.name)
    peers = web.Application()
    peers.router.add_get(PATH, callers.answer)
    await listen(stack, bare(told.peer_urls), peers, None)
    await listen(stack, bare(told.client_urls), http.app, pd_service(driver))
    driver.do(member.start)
    reason = await told_to_end(driver)
    if reason is None and member.lead is not None:
        driver.do(member.resign)
        with suppress(TimeoutError):
            await asyncio.wait_for(driver.until(lambda: member.lead is None), RESIGN_SECONDS)
    log("pd-server ends")
    return reason


def main(words: Sequence[str]) -> None:
    told = flags("pd-server", FLAGS, {"log-level": ["-L"]}).parse_args(words)
    told.name = told.name or "pd"
    told.data_dir = told.data_dir or f"default.{told.name}"
    told.client_urls = told.client_urls or "http://127.0.0.1:2379"
    told.peer_urls = told.peer_urls or "http://127.0.0.1:2380"
    told.initial_cluster = told.initial_cluster or f"{told.name}={told.advertise_peer_urls or told.peer_urls}"
    run("pd-server", lambda stack: _main(told, stack))
