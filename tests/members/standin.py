"""The stand-in for PD and TiKV as six processes on this machine, each with a loopback address and the usual ports."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]

PDS = ("pd-0", "pd-1", "pd-2")
TIKVS = ("tikv-0", "tikv-1", "tikv-2")

PD_TOML = '[schedule]\nmax-store-down-time = "1m"\n'
TIKV_TOML = """
[raftstore]
raft-base-tick-interval = "150ms"
pd-store-heartbeat-tick-interval = "500ms"
pd-heartbeat-tick-interval = "2s"
"""
"""Elections seven times as quick as shipped: what is tested here is that the processes work, not how long they take."""


class StandIn:
    """`with`: all six run inside, and are gone afterwards. Tests may share it, each with an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        # A loopback network of our own: the ports are fixed, and other tests may run beside us.
        net = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}"
        self.ips = {name: f"{net}.{number}" for number, name in enumerate((*PDS, *TIKVS), start=1)}
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> StandIn:
        (self.folder / "pd.toml").write_text(PD_TOML)
        (self.folder / "tikv.toml").write_text(TIKV_TOML)
        for name in self.ips:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in tuple(self._processes):
            self.stop(name, signal.SIGKILL)

    @property
    def pd_endpoints(self) -> list[str]:
        return [f"{self.ips[name]}:2379" for name in PDS]

    def start(self, name: str, *more: str) -> None:
        ip = self.ips[name]
        if name in PDS:
            ends = {"client": f"http://{ip}:2379", "peer": f"http://{ip}:2380"}
            flags = [f"--{prefix}{end}-urls={url}" for end, url in ends.items() for prefix in ("", "advertise-")]
            peers = ",".join(f"{other}=http://{self.ips[other]}:2380" for other in PDS)
            flags += [f"--name={name}", f"--initial-cluster={peers}", f"--config={self.folder / 'pd.toml'}"]
        else:
            ends = {"addr": f"{ip}:20160", "status-addr": f"{ip}:20180"}
            flags = [f"--{prefix}{end}={address}" for end, address in ends.items() for prefix in ("", "advertise-")]
            flags += [f"--pd-endpoints={','.join(self.pd_endpoints)}", f"--config={self.folder / 'tikv.toml'}"]
        program = "pd-server" if name in PDS else "tikv-server"
        command = [sys.executable, "-m", "standin", program, *flags, f"--data-dir={self.folder / name}", *more]
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def send(self, name: str, number: signal.Signals) -> None:
        self._processes[name].send_signal(number)

    def stop(self, name: str, number: signal.Signals) -> int:
        """The exit code, or minus the signal."""
        process = self._processes.pop(name)
        process.send_signal(number)
        return process.wait(5)

    async def ended(self, name: str) -> int:
        """The exit code of one that ends by itself."""
        return await asyncio.to_thread(self._processes.pop(name).wait, 10)

    async def pd(
        self, path: str, at: str = "pd-0", method: str = "GET", body: Any = None, **headers: str
    ) -> httpx.Response:
        url = f"http://{self.ips[at]}:2379/pd/api/v1{path}"
        return await self._ask(method, url, body, headers)

    async def pd_leader(self) -> str:
        return str((await self.pd("/leader")).json()["name"])

    async def status(self, name: str, path: str) -> httpx.Response:
        return await self._ask("GET", f"http://{self.ips[name]}:20180{path}")

    @staticmethod
    async def _ask(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return await client.request(method, url, json=body, headers=headers)

    async def regions(self, at: str = "pd-0") -> list[dict[str, Any]]:
        """By range; none while PD does not say."""
        try:
            answer = await self.pd("/regions", at)
        except httpx.HTTPError:
            return []
        if answer.status_code != 200:
            return []
        return sorted(answer.json()["regions"], key=lambda region: region["start_key"])

    async def stores(self, at: str = "pd-0") -> dict[str, dict[str, Any]]:
        """By name."""
        names = {f"{ip}:20160": name for name, ip in self.ips.items()}
        told = (await self.pd("/stores", at)).json()["stores"]
        return {names[store["store"]["address"]]: store["store"] | store["status"] for store in told}

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 180) -> Any:
        """The first answer that is true."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - other processes, which signal no event
                await asyncio.sleep(0.1)
        return found

    async def replicated(self, at: str = "pd-0") -> list[dict[str, Any]]:
        """The regions, once each has three peers that lack nothing and a leader."""

        async def look() -> list[dict[str, Any]]:
            regions = await self.regions(at)
            whole = [
                r for r in regions if len(r["peers"]) == 3 and "pending_peers" not in r and "store_id" in r["leader"]
            ]
            return regions if len(regions) > 1 and len(whole) == len(regions) else []

        found: list[dict[str, Any]] = await self.until(look, 20)
        return found
