"""tikv-server: one store of TiKV, with the flags of the real one."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from aiohttp import web

from .. import VERSION
from ..node import Fatal
from ..tikv.settings import Settings
from ..tikv.store import Store
from .callers import PATH, Callers
from .disk import Disk
from .driver import Driver
from .lines import Lines
from .process import bare, flags, listen, log, read_toml, run, told_to_end
from .tikv_grpc import tikv_service
from .tikv_http import status_app

FLAGS = [
    "addr",
    "advertise-addr",
    "status-addr",
    "advertise-status-addr",
    "data-dir",
    "pd-endpoints",
    "config",
    "capacity",
    "labels",
    "log-level",
    "log-file",
]

ALIASES = {
    "addr": ["-A"],
    "data-dir": ["-s"],
    "pd-endpoints": ["--pd", "--pd-endpoint"],
    "config": ["-C"],
    "log-level": ["-L"],
    "log-file": ["-f"],
}


async def _main(told: argparse.Namespace, stack: AsyncExitStack) -> str | None:
    if told.advertise_addr.startswith("0.0.0.0:"):
        raise Fatal(f"invalid advertise-addr: {told.advertise_addr}")
    disk, toml = stack.enter_context(Disk(Path(told.data_dir))), read_toml(told.config)
    about = {"status_address": told.advertise_status_addr, "version": VERSION, "start_timestamp": int(time.time())}
    pd = [bare(endpoint) for endpoint in told.pd_endpoints.split(",")]
    store = Store(told.advertise_addr, pd, Settings.from_toml(toml), Random(), about, disk.measure)
    store.kept.load(*disk.read())
    driver = Driver(store, disk, store.kept.to_json)
    lines = Lines(store.address, driver.receive, driver.unreachable, patient=True)
    stack.push_async_callback(lines.close)
    driver.post = lines.post
    callers = Callers(driver.receive)
    app = web.Application()
    app.router.add_get(PATH, callers.answer)

    ending = asyncio.create_task(told_to_end(driver))
    driver.do(store.tick)
    # Like TiKV, it listens to nobody before PD has let it in: until then a probe finds nothing.
    joining = asyncio.create_task(driver.until(lambda: store.joined))
    await asyncio.wait([joining, ending], return_when=asyncio.FIRST_COMPLETED)
    joining.cancel()
    if store.joined:
        await listen(stack, told.addr, app, tikv_service(driver))
        await listen(stack, told.status_addr, status_app(store, toml), None)
        log(f"store {store.kept.id} of cluster {store.kept.cluster} serves at {told.addr}")
    reason = await ending
    log("tikv-server ends")
    return reason


def main(words: Sequence[str]) -> None:
    told = flags("tikv-server", FLAGS, ALIASES).parse_args(words)
    told.addr = told.addr or "127.0.0.1:20160"
    told.status_addr = told.status_addr or "127.0.0.1:20180"
    told.advertise_addr = told.advertise_addr or told.addr
    told.advertise_status_addr = told.advertise_status_addr or told.status_addr
    told.data_dir = told.data_dir or "tikv-data"
    told.pd_endpoints = told.pd_endpoints or "127.0.0.1:2379"
    run("tikv-server", lambda stack: _main(told, stack))
