"""The state worth keeping: what is in it, what silence looks like, and what does not change by itself."""

import json
from typing import Any

import pytest

from controller.difference import changes
from subjects.cluster import Answer, ClusterUnreachable, MemberUnreachable
from subjects.protocol import Json
from subjects.tikv.state import MAX_REGIONS
from tests.unit.subjects.tikv_fakes import HANG, IMAGES, PDS, STORES, FakeTikv, subject_in
from tests.unit.subjects.tikv_http import store


async def captured(cluster: FakeTikv, **options: Any) -> Json:
    return await subject_in(cluster, **options).capture_state()


def differences(before: Json, after: Json) -> dict[str, tuple[Json, Json]]:
    return {change.path: (change.before, change.after) for change in changes(before, after)}


async def test_the_state_says_who_is_there_and_where_leaders_sit() -> None:
    cluster = FakeTikv()
    cluster.lead(1, 2, 3, None, 1, 1)
    state = await captured(cluster)
    assert list(state["pods"]) == [*PDS, *STORES]
    assert state["pods"]["tikv-0"]["uid"] == cluster.pods["tikv-0"].uid
    assert state["pods"]["tikv-0"]["imageIds"] == {"tikv": "sha256:1"}
    assert state["workloads"]["pd"] == {"replicas": 3, "images": {"pd": IMAGES["pd"]}}
    assert state["pd"] == {
        "clusterId": "7000",
        "leader": "pd-0",
        "members": {name: {"healthy": True, "version": "v8.5.5"} for name in PDS},
    }
    assert state["stores"]["tikv-2"] == {
        "id": 3,
        "state": "Up",
        "version": "8.5.5",
        "address": "tikv-2.tikv-peer.tikv.svc:20160",
        "leaders": 1,
        "regions": 6,
    }
    leaders = {region: told["leader"] for region, told in state["regions"]["each"].items()}
    assert leaders == {"10": "tikv-0", "20": "tikv-1", "30": "tikv-2", "40": None, "50": "tikv-0", "60": "tikv-0"}
    assert state["schedulers"] == dict.fromkeys(sorted(cluster.schedulers), True)
    assert state["operators"] == 0
    assert json.loads(json.dumps(state)) == state


@pytest.mark.parametrize("probe", ["none", "write"])
async def test_the_state_says_which_oracle_and_which_probe_judged(probe: str) -> None:
    state = await captured(FakeTikv(), probe=probe)
    assert (state["oracle"], state["probe"]) == ("tikv/2", probe)
    assert state.get("servingAccordingTo") == ("the stores' own word (nobody wrote)" if probe == "none" else None)


async def test_two_looks_at_a_system_that_is_left_alone_do_not_differ() -> None:
    cluster = FakeTikv()
    before = await captured(cluster)
    for each in cluster.data.stores.values():
        each["store"]["last_heartbeat"] += 2_000_000_000
        each["status"] |= {"uptime": "1h2m3s", "available": "10.1GiB"}
    cluster.data.regions = dict(reversed(cluster.data.regions.items()))
    assert differences(before, await captured(cluster)) == {}


async def test_what_a_fault_changed_is_told_member_by_member() -> None:
    cluster = FakeTikv()
    cluster.lead(1, 2, 3, 1, 2, 3)
    before = await captured(cluster)
    cluster.lead(1, 2, 2, 1, 2, 2)
    cluster.schedulers.add("evict-leader-scheduler")
    cluster.data.regions[30] |= {"pending_peers": [{"store_id": 3}], "down_peers": [{"peer": {"store_id": 9}}]}
    changed = differences(before, await captured(cluster))
    assert changed["regions.each.30.leader"] == ("tikv-2", "tikv-1")
    assert changed["regions.each.30.pending[0]"][1] == "tikv-2"
    assert changed["regions.each.30.down[0]"][1] == "store 9"
    assert changed["schedulers.evict-leader-scheduler"][1] is True
    assert changed["stores.tikv-2.leaders"] == (2, 0)


async def test_a_store_that_another_has_taken_the_place_of_is_told_beside_it() -> None:
    cluster = FakeTikv()
    cluster.data.stores[9] = store(9, "tikv-1", "Tombstone")
    stores = (await captured(cluster))["stores"]
    assert {name: (told["id"], told["state"]) for name, told in stores.items()} == {
        "tikv-0": (1, "Up"),
        "tikv-1": (2, "Up"),
        "tikv-2": (3, "Up"),
        "tikv-1#9": (9, "Tombstone"),
    }


async def test_of_very_many_regions_all_are_counted_and_some_are_told() -> None:
    cluster = FakeTikv(keys=[f"{number:04X}" for number in range(1, MAX_REGIONS + 50)])
    regions = (await captured(cluster))["regions"]
    assert (regions["count"], regions["shown"], len(regions["each"])) == (MAX_REGIONS + 50, MAX_REGIONS, MAX_REGIONS)


async def test_members_that_do_not_answer_are_part_of_the_state() -> None:
    cluster = FakeTikv()
    cluster.script["pd-1", "*"] = HANG
    cluster.change("pd-2", ip=None)
    state = await captured(cluster)
    assert state["pd"]["members"]["pd-1"] == {"error": "no answer within 0.02 s", "healthy": True, "version": "v8.5.5"}
    assert state["pd"]["members"]["pd-2"]["error"] == "the pod has no address"
    assert "error" not in state["pd"]["members"]["pd-0"]
    assert state["regions"]["count"] == 6


@pytest.mark.parametrize("silence", [HANG, MemberUnreachable("frozen"), Answer(503, "no leader"), Answer(200, "?")])
async def test_a_pd_that_answers_nothing_useful_is_part_of_the_state(silence: Any) -> None:
    cluster = FakeTikv()
    cluster.script["*", "*"] = silence
    state = await captured(cluster)
    for part in ("pd", "stores", "regions", "schedulers", "operators"):
        assert "error" in state[part], part
    assert state["pd"]["leader"] is None
    assert list(state["pods"]) == [*PDS, *STORES]
    assert json.loads(json.dumps(state)) == state


async def test_a_leader_on_a_store_that_pd_does_not_tell_of_has_its_id_for_a_name() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/stores?state=0&state=1&state=2"] = Answer(500, "not bootstrapped")
    state = await captured(cluster)
    assert state["stores"] == {
        "error": "PD does not answer /pd/api/v1/stores?state=0&state=1&state=2: pd-2: HTTP 500: not bootstrapped"
    }
    assert state["regions"]["each"]["10"]["leader"] == "store 1"


async def test_capturing_gives_no_orders() -> None:
    cluster = FakeTikv()
    await captured(cluster)
    assert {call[2] for call in cluster.calls if call[0] == "ask_member"} == {"GET"}
    assert {call[0] for call in cluster.calls} == {"list_pods", "list_workloads", "ask_member"}


async def test_an_unreachable_api_server_is_not_part_of_the_state() -> None:
    cluster = FakeTikv()
    cluster.refusals["list_pods"] = ClusterUnreachable("connection refused")
    with pytest.raises(ClusterUnreachable):
        await captured(cluster)
