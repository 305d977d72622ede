"""A tape as it goes on, under an httpx client and as a subject's cluster, in time that costs nothing."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from controller.kube.cluster import KubeCluster
from subjects.cluster import Answer, ClusterError, MemberRequest, MemberUnreachable, Pod
from tests.support.tape import Tape, TapeClock, TapeCluster, transport
from tests.support.tape.reading import read
from tests.support.virtual import run_virtually
from tests.unit.subjects.tapes import V1, recorded

PD, TIKV = ("app.kubernetes.io/component=pd", "app.kubernetes.io/component=tikv")


def test_a_watch_sees_every_change_of_a_pod_one_by_one_and_a_replaced_pod_missing_in_between() -> None:
    async def watch() -> list[tuple[float, dict[str, Pod]]]:  # type: ignore[return]
        clock = TapeClock(begin=-1)
        views = []
        async with aclosing(TapeCluster(Tape.load("quorum_loss_fixed"), clock).watch_pods("tikv", TIKV)) as stream:
            async for view in stream:
                views.append((round(clock(), 2), view.pods))
                if clock() > 3.6:
                    return views  # type: ignore[return-value]

    views = run_virtually(watch())
    assert [t for t, _ in views] == [-1, 0.4, 0.4, 1.8, 1.8, 2.41, 2.41, 2.41, 2.41, 3.62]
    assert [sorted(pods) for t, pods in views if t == 2.41] == [
        ["tikv-1", "tikv-2"],
        ["tikv-0", "tikv-1", "tikv-2"],
        ["tikv-0", "tikv-1"],
        ["tikv-0", "tikv-1", "tikv-2"],
    ]


def test_a_watch_sees_the_image_change_at_the_command() -> None:
    async def watch() -> tuple[float, dict[str, str], dict[str, str]]:
        clock = TapeClock(begin=-1)
        async with aclosing(TapeCluster(Tape.load("node_down"), clock).watch_pods("tikv", TIKV)) as stream:
            first, second = await anext(stream), await anext(stream)
        return clock(), first.pods["tikv-0"].images, second.pods["tikv-0"].images  # type: ignore[return-value]

    at, before, after = run_virtually(watch())
    assert (at, after) == (0, {"tikv": "registry.k8s.io/pause:3.10.1"})
    assert before != after


async def ask(cluster: TapeCluster, selector: str, name: str, port: int, path: str, timeout: float = 1.0) -> Answer:
    pods = await cluster.list_pods("tikv", selector)
    return await cluster.ask_member(MemberRequest("tikv", pods[name], port, path, timeout))


def test_a_frozen_member_takes_the_whole_limit_and_a_dead_one_none_of_it() -> None:
    async def unanswered(name: str, pod: str) -> tuple[str, float]:
        clock = TapeClock(begin=5)
        with pytest.raises(MemberUnreachable) as error:
            await ask(TapeCluster(Tape.load(name), clock), TIKV, pod, 20180, "/status", timeout=0.5)
        return str(error.value), clock() - 5

    assert run_virtually(unanswered("freeze", "tikv-1")) == ("tikv-1: no answer", 0.5)
    assert run_virtually(unanswered("node_down", "tikv-0")) == ("tikv-0: connection refused", 0)


def test_a_member_without_a_leader_answers_late_or_too_late() -> None:
    raw = recorded("pd_leader_kill")
    raw["timeline"].insert(1, {"t": 0.2, "stores_http": 503})

    async def answered(limit: float) -> tuple[Any, ...]:
        clock = TapeClock(begin=0.3)
        cluster = TapeCluster(Tape(read(raw)), clock)
        try:
            return (await ask(cluster, PD, "pd-1", 2379, f"{V1}/stores", limit)).status, clock() - 0.3
        except MemberUnreachable:
            return None, clock() - 0.3

    assert run_virtually(answered(4.0)) == (503, pytest.approx(3.0))
    assert run_virtually(answered(1.0)) == (None, pytest.approx(1.0))


async def test_a_pod_that_is_gone_or_has_no_address_is_not_asked() -> None:
    cluster = TapeCluster(Tape.load("kill_leader_store_grace0"), lambda: 1.0)
    pending = (await cluster.list_pods("tikv", TIKV))["tikv-1"]
    gone = Pod("tikv-1", "ad2ea6", True, False, "10.173.46.166", {})
    for pod in (pending, gone):
        with pytest.raises(MemberUnreachable):
            await cluster.ask_member(MemberRequest("tikv", pod, 20180, "/status", 1.0))


async def test_selectors_choose_pods_and_statefulsets_by_component() -> None:
    cluster = TapeCluster(Tape.load("healthy"), lambda: 0.0)
    chosen = [sorted(await cluster.list_pods("tikv", selector)) for selector in (PD, TIKV, "app=other", "")]
    assert [[name.split("-")[0] for name in names] for names in chosen] == [
        ["pd"] * 3,
        ["tikv"] * 3,
        [],
        ["pd"] * 3 + ["tikv"] * 3,
    ]
    assert {name: workload.replicas for name, workload in (await cluster.list_workloads("tikv", PD)).items()} == {
        "pd": 3
    }
    pods = await cluster.list_pods("tikv", TIKV)
    assert {tuple(pod.images.items()) for pod in pods.values()} == {
        tuple((await cluster.get_workload("tikv", "tikv")).images.items())
    }
    with pytest.raises(ClusterError):
        await cluster.get_workload("tikv", "other")


async def test_a_tape_can_only_be_read() -> None:
    cluster = TapeCluster(Tape.load("healthy"), lambda: 0.0)
    with pytest.raises(NotImplementedError):
        await cluster.delete_pod("tikv", "tikv-0", "31878a", 1)
    async with httpx.AsyncClient(transport=transport(Tape.load("healthy"), lambda: 0.0)) as client:
        with pytest.raises(NotImplementedError):
            await client.post("http://pd-0:2379/pd/api/v1/leader/resign")


async def test_the_clocks_of_a_tape_are_those_of_the_recorded_cluster() -> None:
    cluster = TapeCluster(Tape.load("healthy"), lambda: 1.5)
    (store, *_) = (await ask(cluster, PD, "pd-2", 2379, f"{V1}/stores")).body["stores"]
    assert 0 <= cluster.now().timestamp() - store["store"]["last_heartbeat"] / 1e9 <= 2


def test_a_tape_can_run_faster_than_the_clock_of_the_loop() -> None:
    async def run() -> tuple[float, ...]:
        loop = asyncio.get_running_loop()
        clock = TapeClock(begin=-2, speed=10)
        await clock.sleep(5)
        return clock(), loop.time()

    assert run_virtually(run()) == (pytest.approx(3), pytest.approx(0.5))


def test_in_virtual_time_a_wait_that_nothing_ends_is_an_error_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match="nothing that will come"):
        run_virtually(asyncio.Event().wait())


async def test_an_httpx_client_gets_answers_and_failures_as_from_the_network() -> None:
    tape = Tape.load("freeze")
    slept = []

    async def sleep(seconds: int) -> None:
        slept.append(seconds)

    async with httpx.AsyncClient(transport=transport(tape, lambda: 5.0, sleep), timeout=2) as client:  # type: ignore[arg-type]
        stores = await client.get("http://pd-0.pd-peer.tikv.svc.cluster.local:2379/pd/api/v1/stores?state=0&state=1")
        assert (stores.status_code, stores.json()["count"]) == (200, 3)
        ping = await client.get(f"http://{tape.pods(5, 'pd')['pd-1'].ip}:2379/pd/api/v1/ping")
        assert (ping.status_code, ping.content) == (200, b"")
        with pytest.raises(httpx.ReadTimeout):
            await client.get("http://tikv-1:20180/status")
        with pytest.raises(httpx.ConnectError):
            await client.get("http://10.0.0.1:20180/status")
    assert slept == [2]


async def test_the_real_cluster_client_asks_members_of_a_tape() -> None:
    tape = Tape.load("node_down")
    way = transport(tape, lambda: 30.0)
    cluster = KubeCluster(SimpleNamespace(in_cluster=True), connect=lambda context: way)  # type: ignore[arg-type]
    pods = {**tape.pods(30, "pd"), **tape.pods(30, "tikv")}
    listed = await cluster.ask_member(
        MemberRequest("tikv", pods["pd-2"], 2379, f"{V1}/stores/check?state=Disconnected", 1.0)
    )
    assert [each["store"]["id"] for each in listed.body["stores"]] == [1]
    with pytest.raises(MemberUnreachable):
        await cluster.ask_member(MemberRequest("tikv", pods["tikv-0"], 20180, "/region/8", 1.0))
