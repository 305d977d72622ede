"""Reading through a port-forward, against a server that speaks as the API server and a kubelet do (v4.channel.k8s.io).

The `kubernetes` package does the speaking on our side; what is tested is the whole way: pod, websocket, HTTP, rows.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from controller.reading.server import serving_records
from tests.emulator.apiserver import KUBECONFIG
from tests.support.ports import free_port
from tests.unit.cli.conftest import Run

PODS = "/api/v1/namespaces/evalcampaign/pods"


class Kubelet:
    """An API server with one pod, or none, whose 127.0.0.1 is this machine's. `forbid` refuses the port-forward."""

    def __init__(self) -> None:
        self.pods: list[Any] = []
        self.forbid = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(PODS, self._list)
        app.router.add_get(f"{PODS}/{{name}}/portforward", self._forward)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"items": self.pods})

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if self.forbid:
            said = {"kind": "Status", "message": 'pods "c-0" is forbidden: User "me" cannot get pods/portforward'}
            return web.json_response(said, status=403)
        answer = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await answer.prepare(request)
        port = int(request.query["ports"])
        for channel in (0, 1):
            await answer.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            await answer.send_bytes(b"\x01" + f"error forwarding port {port} to pod: {error.strerror}".encode())
            await answer.close()
            return answer
        up = asyncio.create_task(self._up(answer, reader))
        async for message in answer:
            if message.type is WSMsgType.BINARY:
                writer.write(message.data[1:])
        up.cancel()
        writer.close()
        return answer

    async def _up(self, answer: web.WebSocketResponse, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(4096):  # small, so that an answer comes in many frames
            await answer.send_bytes(b"\x00" + data)
        await answer.close()


@pytest.fixture
def kubelet(seeded: str, no_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubelet]:
    """Its cluster is what kubeconfig leads to, and it has the records on the port of the environment."""
    made, ports = Kubelet(), (free_port(), free_port())
    made.pods = [pod(ready=True)]
    ready, stop = threading.Event(), threading.Event()

    @asynccontextmanager
    async def listening() -> AsyncIterator[None]:
        runner = web.AppRunner(made.app(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", ports[0]).start()
        yield
        await runner.cleanup()

    async def serve() -> None:
        async with serving_records(seeded, ports[1]), listening():
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    cluster = {"name": "emulator", "cluster": {"server": f"http://127.0.0.1:{ports[0]}"}}
    (tmp_path / "kubeconfig").write_text(json.dumps(KUBECONFIG | {"clusters": [cluster]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("EVALCAMPAIGN_RECORDS_PORT", str(ports[1]))
    yield made
    stop.set()
    thread.join()


def pod(ready: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": "c-0"}, "status": {"phase": "Running", "conditions": conditions}}


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("trials", "uid-1"),
        ("show", "uid-1", "--trial", "2"),
        ("export", "uid-1", "--format", "csv"),
        ("show", "uid-1", "--trial", "1", "--full", "--output", "json"),
    ],
)
def test_without_a_database_every_reading_command_says_the_same_through_the_cluster(
    run: Run, kubelet: Kubelet, command: tuple[str, ...]
) -> None:
    through = run(*command, db="")
    assert through.exit_code == 0, through.stderr
    assert through.stdout == run(*command).stdout


def test_a_backup_comes_through_the_cluster(run: Run, kubelet: Kubelet, tmp_path: Path) -> None:
    assert run("backup", str(tmp_path / "copy.db"), db="").exit_code == 0
    assert run("list", db=f"sqlite:///{tmp_path}/copy.db").stdout == run("list").stdout


def test_a_campaign_that_is_not_recorded_is_said_in_the_same_words(run: Run, kubelet: Kubelet) -> None:
    assert run("trials", "nope", db="").stderr == run("trials", "nope").stderr != ""


def test_who_may_not_port_forward_is_told_which_right_it_takes(run: Run, kubelet: Kubelet) -> None:
    kubelet.forbid = True
    refused = run("list", db="")
    assert refused.exit_code == 1
    assert 'User "me" cannot get pods/portforward' in refused.stderr
    assert "it takes get and create on pods/portforward in namespace evalcampaign" in refused.stderr
    assert "name it: --db" in refused.stderr and refused.stderr.count("\n") == 1


def test_a_controller_that_is_not_there_or_not_ready_is_said(run: Run, kubelet: Kubelet) -> None:
    kubelet.pods = [pod(ready=False)]
    assert "The controller's pod c-0 is not Ready (Running)" in run("list", db="").stderr
    kubelet.pods = []
    assert "There is no controller in namespace evalcampaign" in run("list", db="").stderr


def test_a_controller_that_serves_no_records_is_said(
    run: Run, kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALCAMPAIGN_RECORDS_PORT", str(free_port()))
    refused = run("list", db="")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "cannot be read through the port-forward to c-0" in refused.stderr


@pytest.mark.parametrize("command", [("list",), ("watch", "demo"), ("abort", "demo"), ("unlock", "etcd/etcd")])
def test_without_any_cluster_there_is_a_sentence(run: Run, command: tuple[str, ...]) -> None:
    refused = run(*command, db="")
    assert refused.exit_code == 1 and refused.stderr.startswith("There is no cluster to ask")
