"""The stand-in as real processes: its flags, files, ports and signals, and a real client that writes through it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tikv import AsyncRawClient, TiKVError

from standin import VERSION
from tests.members.standin import PDS, ROOT, TIKVS, StandIn


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """Each test waits until it is healthy, and leaves it so that it becomes healthy."""
    with StandIn(tmp_path_factory.mktemp("standin")) as standin:
        yield standin


async def test_a_client_writes_to_regions_that_were_split_and_goes_on_when_a_store_is_killed(standin: Any) -> None:
    assert len(await standin.replicated()) == 5
    # Any member takes the question, the leader answers it; keys are given in hexadecimal, in the client's own bytes.
    split = await standin.pd("/regions/split", "pd-1", "POST", {"split_keys": ["6b32", "6B34"], "retry_limit": 3})
    assert split.json()["processed-percentage"] == 100
    regions = await standin.replicated("pd-2")
    assert [region["end_key"] for region in regions][:3] == ["6B32", "6B34", "7200000000000000FB"]

    keys = [b"k1", b"k3", b"k5", b"z"]
    async with AsyncRawClient(standin.pd_endpoints, timeout=10) as client:
        for key in keys:
            await client.put(key, b"first")
        stores = await standin.stores()
        victim = next(name for name, store in stores.items() if store["leader_count"])
        assert standin.stop(victim, signal.SIGKILL) == -signal.SIGKILL
        for key in keys:
            await client.put(key, b"second")
        assert [await client.get(key) for key in keys] == [b"second"] * len(keys)
        assert await client.get(b"never written") is None

        standin.start(victim)

        async def back() -> bool:
            store = (await standin.stores())[victim]
            return store["start_timestamp"] >= stores[victim]["start_timestamp"] and store["state_name"] == "Up"

        await standin.until(back)
        regions = await standin.replicated()
        assert (await standin.stores())[victim]["id"] == stores[victim]["id"]
        leader = regions[0]["leader"]["store_id"]
        name = next(name for name, store in stores.items() if store["id"] == leader)
        status = (await standin.status(name, f"/region/{regions[0]['id']}")).json()
        assert status["raft_status"]["soft_state"]["raft_state"] == "Leader"
        assert (await standin.status(name, "/region/4711")).status_code == 404


async def test_one_store_of_three_acknowledges_nothing(standin: Any) -> None:
    await standin.replicated(await standin.pd_leader())
    async with AsyncRawClient(standin.pd_endpoints, timeout=10) as client:
        await client.put(b"a", b"kept")
        for name in TIKVS[1:]:
            standin.stop(name, signal.SIGKILL)
    async with AsyncRawClient(standin.pd_endpoints, timeout=1) as client:
        with pytest.raises(TiKVError):
            await client.put(b"a", b"lost")
    for name in TIKVS[1:]:
        standin.start(name)
    async with AsyncRawClient(standin.pd_endpoints, timeout=15) as client:
        await client.put(b"b", b"after")
        assert await client.get(b"b") == b"after"


async def test_pds_leader_that_is_told_to_end_is_followed_at_once_and_comes_back_as_a_follower(standin: Any) -> None:
    await standin.replicated()
    leader = await standin.pd_leader()
    others = [name for name in PDS if name != leader]
    before = (await standin.pd("/cluster")).json()
    assert standin.stop(leader, signal.SIGTERM) == 0
    heir = (await standin.pd("/leader", others[0])).json()["name"]
    assert heir in others
    health = {m["name"]: m["health"] for m in (await standin.pd("/health", others[1])).json()}
    assert health == {leader: False, others[0]: True, others[1]: True}
    standin.start(leader)

    async def healthy() -> bool:
        return all(member["health"] for member in (await standin.pd("/health", heir)).json())

    await standin.until(healthy)
    assert (await standin.pd("/cluster", leader)).json() == before
    own = {"PD-Allow-follower-handle": "true"}
    assert (await standin.pd("/leader", leader, **own)).json()["name"] == heir
    assert (await standin.pd("/stores", leader, **own)).status_code == 500


async def test_a_store_ends_where_tikv_would(standin: Any) -> None:
    await standin.replicated(await standin.pd_leader())
    store, log = "tikv-0", standin.log("tikv-0")
    standin.stop(store, signal.SIGTERM)
    # On a folder that another process holds.
    standin.start(store, f"--data-dir={standin.folder / 'tikv-1'}")
    assert await standin.ended(store) == 1
    assert "another instance is using this directory" in log.read_text()
    # Without its data, while PD knows another store at this address.
    standin.start(store, f"--data-dir={standin.folder / 'empty'}")
    assert await standin.ended(store) == 1
    assert "duplicated store address" in log.read_text()
    standin.start(store, "--no-such-flag=1")
    assert await standin.ended(store) == 2
    standin.start(store)
    assert len(await standin.replicated(await standin.pd_leader())) >= 5


@pytest.mark.parametrize("program", ["pd-server", "tikv-server"])
def test_the_executables_of_the_image_run_it_under_its_name_there(program: Any) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [ROOT / "standin/bin" / program, "--version"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == f"{program} {VERSION}\n"
