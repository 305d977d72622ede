"""Tokens that end in mid-trial: the campaign goes on with new ones, and so do Kopf's watches."""

from __future__ import annotations

import json
import ssl
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bench.scripted import Script
from tests.emulator.stage import Stage
from tests.support.certificates import SERVER_NAME, Authority
from tests.support.waiting import eventually


class Gate:
    """TLS in front of the emulator; lets those in who show the token that is valid now. Others get a 401."""

    def __init__(self, beyond: str) -> None:
        self._beyond = beyond
        self.valid = "t1"
        self.admitted: Counter[tuple[str, bool]] = Counter()
        """How many came in, by token, and whether to watch."""
        self.refused = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self.valid:
            self.refused += 1
            return web.json_response({"kind": "Status", "code": 401, "message": "Unauthorized"}, status=401)
        self.admitted[token, request.query.get("watch") == "true"] += 1
        url = self._beyond + request.raw_path
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=await request.read(), headers=headers) as answer,
        ):
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "of")


@pytest.fixture
async def gate(stage: Stage, authority: Authority, tmp_path: Path) -> AsyncIterator[Gate]:
    """The way that the stage's controller takes from now on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "pair").write_bytes(b"\n".join(authority.issue("server")))
    context.load_cert_chain(tmp_path / "pair")
    made = Gate(str(stage.api.url).rstrip("/"))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    cluster = {
        "server": f"https://127.0.0.1:{runner.addresses[0][1]}",
        "certificate-authority-data": b64encode(authority.certificate).decode(),
        "tls-server-name": SERVER_NAME,
    }
    said = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user_of(tmp_path)}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "gated").write_text(json.dumps(said))
    stage.settings = replace(stage.settings, kubeconfig=tmp_path / "gated")
    yield made
    await stage.stop()
    await runner.cleanup()


def user_of(folder: Path) -> object:
    """Logs in by a plugin that prints what the file `token` says now."""
    (folder / "token").write_text("t1")
    version = "client.authentication.k8s.io/v1"
    command = (
        "import json; "
        f"print(json.dumps({{'kind': 'ExecCredential', 'apiVersion': {version!r}, "
        f"'status': {{'token': open({str(folder / 'token')!r}).read()}}}}))"
    )
    plugin = {"apiVersion": version, "command": sys.executable, "args": ["-c", command], "interactiveMode": "Never"}
    return {"exec": plugin}


def replaced(gate: Gate, folder: Path, token: str) -> None:
    """From now on another token is the valid one, and the plugin gives it."""
    (folder / "token").write_text(token)
    gate.valid = token


async def test_a_token_that_ends_in_mid_trial_costs_nothing(stage: Stage, gate: Gate, tmp_path: Path) -> None:
    await stage.start()
    stage.lab.scripts["subject"] = Script(heal_after=1.0)
    key = stage.apply(trials=3)
    await stage.until_hurt()
    replaced(gate, tmp_path, "t2")
    await stage.until(key, "Complete")
    assert stage.outcomes(key) == [(trial, 1, "SelfHealed") for trial in (1, 2, 3)]
    assert gate.refused and gate.admitted["t2", False]


async def test_kopfs_watches_go_on_with_a_new_token(stage: Stage, gate: Gate, tmp_path: Path) -> None:
    await stage.start()
    first = stage.apply("first")
    await stage.until(first, "Complete")
    replaced(gate, tmp_path, "t2")
    await stage.api.close_watches()
    second = stage.apply("second")
    await stage.until(second, "Complete")
    assert gate.admitted["t2", True]


async def test_while_nobody_gives_a_credential_the_fault_waits_and_is_undone_afterwards(
    stage: Stage, gate: Gate, tmp_path: Path
) -> None:
    await stage.start()
    stage.lab.scripts["subject"] = Script(heal_after=1.0)
    key = stage.apply(trials=2)
    await stage.until_hurt()
    gate.valid = "t2"  # which the plugin does not know yet
    await stage.api.close_watches()
    await eventually(lambda: gate.refused > 10)
    replaced(gate, tmp_path, "t2")
    await stage.until(key, "Complete")
    assert stage.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
    assert stage.clean()
