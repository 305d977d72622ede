"""Three real etcd members as processes on this machine, dressed up as pods.

Kubernetes is the small one of the unit tests; what it does to a pod is done to a process here, and every question to a
member goes over real HTTP.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Pod
from tests.unit.subjects.fakes import IMAGE, NAMES, FakeCluster


def find_etcd() -> Path | None:
    """The binary: as the environment says, or as `make` built it into the cache. None where there is none."""
    if told := os.environ.get("EVALCAMPAIGN_ETCD"):
        return Path(told)
    from cluster.tools import binary

    return path if (path := binary("etcd")).exists() else None


class RealMembers(FakeCluster):
    """`async with`: all three members are up inside, and gone afterwards."""

    def __init__(self, binary: Path, folder: Path) -> None:
        # A loopback network of our own: the ports are fixed, and other tests may run beside us.
        net = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}"
        self._binary = binary
        self._folder = folder
        self._ips = {name: f"{net}.{number}" for number, name in enumerate(NAMES, start=1)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._client = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=None))
        super().__init__()

    async def __aenter__(self) -> RealMembers:
        for name in NAMES:
            self.start(name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self._background):
            task.cancel()
        for name in tuple(self._processes):
            self.stop(name, signal.SIGKILL)
        await self._client.aclose()

    def start(self, name: str) -> None:
        peers = ",".join(f"{other}=http://{ip}:2380" for other, ip in self._ips.items())
        client, peer = f"http://{self._ips[name]}:2379", f"http://{self._ips[name]}:2380"
        command = [
            str(self._binary),
            f"--name={name}",
            f"--data-dir={self._folder / name}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={peers}",
            "--initial-cluster-token=members",
            "--heartbeat-interval=100",
            "--election-timeout=1000",
            "--log-level=error",
        ]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def send(self, name: str, number: signal.Signals) -> None:
        self._processes[name].send_signal(number)

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, grace_seconds: float = 1.0) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def new_pod(self, name: str, ready: bool = True) -> Pod:
        pod = super().new_pod(name, ready)
        return Pod(pod.name, pod.uid, ready, False, self._ips[name], {"etcd": IMAGE})

    async def _replace(self, name: str) -> None:
        await asyncio.to_thread(self.stop, name)
        self.vanish(name)
        self.start(name)
        self.appear(name, ready=False)
        while not await self._is_healthy(name):  # noqa: ASYNC110 - another process, which signals no event
            await asyncio.sleep(0.1)
        self.change(name, ready=True)

    async def _is_healthy(self, name: str) -> bool:
        try:
            return (await self._client.get(f"http://{self._ips[name]}:2379/health", timeout=1)).status_code == 200
        except httpx.HTTPError:
            return False

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        await super().patch_pod(namespace, name, operations)
        await asyncio.to_thread(self.stop, name)

    async def ask_member(self, request: MemberRequest) -> Answer:
        timeout, url = request.timeout, f"http://{request.pod.ip}:{request.port}{request.path}"
        try:
            answer = await self._client.request(request.http_method, url, json=request.body, timeout=timeout)
        except httpx.HTTPError as error:
            raise MemberUnreachable(str(error) or type(error).__name__) from error
        try:
            return Answer(answer.status_code, answer.json())
        except ValueError:
            return Answer(answer.status_code, None)
