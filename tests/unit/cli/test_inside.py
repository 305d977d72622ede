"""`unlock` from outside: done in the controller's pod, over the websocket that `kubectl exec -i` uses."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.emulator.apiserver import KUBECONFIG

REPO = Path(__file__).parents[3]
PODS = "/api/v1/namespaces/evalcampaign/pods"
POD = {"metadata": {"name": "c-0"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
QUESTION = "Shall it be free? [y/N]: "


async def listed(request: web.Request) -> web.Response:
    return web.json_response({"items": [POD]})


async def executed(request: web.Request) -> web.StreamResponse:
    """The pod's side: a question, an answer, and an end as Kubernetes words it."""
    answer = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await answer.prepare(request)
    command = " ".join(request.query.getall("command"))
    await answer.send_bytes(b"\x01" + f"{command}\n{QUESTION}".encode())
    said = (await answer.receive_bytes())[1:].decode()
    if said == "y\n":
        await answer.send_bytes(b"\x01tikv/tikv is free.\n")
        end: dict[str, Any] = {"status": "Success"}
    else:
        await answer.send_bytes(b"\x02Nothing was changed\n")
        causes = [{"reason": "ExitCode", "message": "1"}]
        end = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    await answer.send_bytes(b"\x03" + json.dumps(end).encode())
    await answer.close()
    return answer


async def unlocked(folder: Path, stdin: str) -> tuple[int, str, str]:
    app = web.Application()
    app.router.add_get(PODS, listed)
    app.router.add_get(f"{PODS}/c-0/exec", executed)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        cluster = {"name": "emulator", "cluster": {"server": f"http://127.0.0.1:{port}"}}
        (folder / "kubeconfig").write_text(json.dumps(KUBECONFIG | {"clusters": [cluster]}))
        environment = {key: value for key, value in os.environ.items() if key != "EVALCAMPAIGN_DB"}
        environment |= {"KUBECONFIG": str(folder / "kubeconfig"), "PYTHONPATH": str(REPO)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "controller.cli", "unlock", "tikv/tikv", env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("stdin", "status", "out", "err"),
    [
        ("y\n", 0, "tikv/tikv is free.\n", ""),
        ("n\n", 1, "", "Nothing was changed\n"),
        ("", 1, "", "Nothing was changed\n"),
    ],
)
async def test_the_question_and_the_answer_pass_and_the_exit_status_comes_back(
    tmp_path: Path, stdin: str, status: int, out: str, err: str
) -> None:
    assert await unlocked(tmp_path, stdin) == (status, f"evalcampaign unlock tikv/tikv\n{QUESTION}{out}", err)
