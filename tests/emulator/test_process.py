"""The controller as a process of its own, where it cannot work yet: it says so, and it can be stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.records.store import FileLock

REPO = Path(__file__).parents[2]


async def start(tmp_path: Path, **environment: str) -> asyncio.subprocess.Process:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    database = {"EVALCAMPAIGN_DB": f"sqlite:///{tmp_path}/records.db"}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controller", cwd=REPO, env=clean | database | environment, stderr=pipe
    )


async def said(process: asyncio.subprocess.Process) -> str:
    """All that it says until it ends."""
    _, complaint = await process.communicate()
    return complaint.decode()


async def test_without_a_kubeconfig_it_says_so_and_ends(tmp_path: Path) -> None:
    process = await start(tmp_path, KUBECONFIG=str(tmp_path / "none"))
    assert "\nerror: no cluster to work in: " in await said(process)
    assert process.returncode == 1


async def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    process = await start(tmp_path, EVALCAMPAIGN_LIVENESS_PORT="http")
    assert await said(process) == "error: EVALCAMPAIGN_LIVENESS_PORT must be a port, 0 to 65535, and is 'http'\n"
    assert process.returncode == 1


async def test_a_second_one_on_the_same_records_says_who_has_them_and_ends(tmp_path: Path) -> None:
    lock = FileLock.acquire(tmp_path / "records.db")
    complaint = await said(await start(tmp_path))
    lock.release()
    assert f"error: The records at {tmp_path}/records.db are in use by another controller (process " in complaint
    assert complaint.endswith("Only one may write them: stop that one first.\n")


@pytest.mark.parametrize(("folder", "why"), [("file/below", "Not a directory"), ("link", "File exists")])
async def test_where_the_volume_is_missing_it_says_so_and_ends(tmp_path: Path, folder: Any, why: Any) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    process = await start(tmp_path, EVALCAMPAIGN_DB=f"sqlite:///{tmp_path}/{folder}/records.db")
    complaint = await said(process)
    assert "error: The records cannot be opened: " in complaint and why in complaint
    assert process.returncode == 1


async def test_a_port_that_somebody_else_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = await said(await start(tmp_path, EVALCAMPAIGN_LIVENESS_PORT=str(port)))
    assert complaint == (
        f"error: EVALCAMPAIGN_LIVENESS_PORT: nobody can listen on port {port} here: Address already in use\n"
    )


async def test_it_can_be_stopped_while_it_waits_for_an_api_server(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    clusters = [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}]
    users = [{"name": "u", "user": {}}]
    config = {"clusters": clusters, "users": users, "contexts": [context], "current-context": "c"}
    kubeconfig.write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    process = await start(tmp_path, KUBECONFIG=str(kubeconfig), EVALCAMPAIGN_LIVENESS_PORT=port)
    assert process.stderr is not None
    while b"waiting: the API server did not answer" not in (line := await process.stderr.readline()):
        assert line, "it ended before it waited"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as kubelet:
        assert (await kubelet.get("/healthz")).status_code == 200
        assert (await kubelet.get("/readyz")).status_code == 503
    process.send_signal(signal.SIGTERM)
    await said(process)
    assert process.returncode == 0
