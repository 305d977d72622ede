"""Being there, being what the campaign asks for, and being watched."""

import json
from contextlib import aclosing
from typing import Any

import pytest

from controller.kube.answers import MAX_MEBIBYTES, read_json
from subjects.cluster import Answer, ClusterError, ClusterUnreachable, MemberUnreachable, Workload
from subjects.protocol import SubjectNotReady, Unsupported
from subjects.tikv.members.pd import READABLE_REGIONS
from subjects.watching.polling import PollSettings
from tests.unit.subjects.tikv_fakes import FakeTikv, subject_in


async def test_three_of_each_with_their_pods_are_ready_to_be_a_subject() -> None:
    await subject_in(FakeTikv()).check_ready()


@pytest.mark.parametrize(("role", "kind"), [("pd", "PD"), ("tikv", "TiKV")])
async def test_without_one_of_the_statefulsets_the_subject_is_not_ready(role: str, kind: str) -> None:
    cluster = FakeTikv()
    del cluster.workloads[role]
    with pytest.raises(SubjectNotReady, match=f"there is no StatefulSet of {kind}"):
        await subject_in(cluster).check_ready()


async def test_with_too_few_stores_the_subject_is_not_ready() -> None:
    cluster = FakeTikv()
    cluster.workloads["tikv"] = Workload("tikv", 1, {"tikv": "x"})
    with pytest.raises(SubjectNotReady, match="has 1 replicas; at least 3"):
        await subject_in(cluster).check_ready()


@pytest.mark.parametrize("name", ["pd-1", "tikv-2"])
@pytest.mark.parametrize("reset", ["heal", "recreate"])
async def test_before_every_member_has_a_pod_the_subject_is_not_ready(name: str, reset: str) -> None:
    cluster = FakeTikv()
    cluster.keep_workloads = lambda: None  # type: ignore[method-assign]
    cluster.vanish(name)
    with pytest.raises(SubjectNotReady, match=f"no pod yet for {name}"):
        await subject_in(cluster, reset=reset).check_ready()


async def test_without_the_power_to_read_it_the_subject_is_not_ready() -> None:
    cluster = FakeTikv()
    cluster.refusals["list_workloads"] = ClusterError(403, "statefulsets.apps is forbidden")
    with pytest.raises(SubjectNotReady, match="is forbidden"):
        await subject_in(cluster).check_ready()


async def test_an_unreachable_api_server_is_not_mistaken_for_a_missing_subject() -> None:
    cluster = FakeTikv()
    cluster.refusals["list_workloads"] = ClusterUnreachable("connection refused")
    with pytest.raises(ClusterUnreachable):
        await subject_in(cluster).check_ready()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"probe": "read"}, "subject.probe 'read' is unknown; valid: none, write"),
        ({"reset": "wipe"}, "reset 'wipe' is unknown; valid: heal, recreate"),
        ({"selectors": {"tidb": "a=b"}}, "tikv has no tidb; it takes: pd, tikv"),
        ({"endpoints": ("pd-0:2379",)}, "must name a host and a port"),
        ({"endpoints": ("http://pd-0",)}, "must name a host and a port"),
        ({"endpoints": ("http://pd-0:99999",)}, "is no URL"),
        ({"endpoints": ("https://pd-0.pd:2379",)}, "must begin with http://"),
        ({"endpoints": ("http://pd-0.pd:2379",), "tls_secret": "certs"}, "must begin with https://"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_touched(options: dict[str, Any], words: str) -> None:
    cluster = FakeTikv()
    with pytest.raises(Unsupported, match=words):
        subject_in(cluster, **options)
    assert cluster.calls == []


async def test_its_health_is_watched_against_the_cluster_that_the_last_reset_found() -> None:
    cluster = FakeTikv()
    subject = subject_in(
        cluster, polling=PollSettings(period=0.05, timeout=1.0)
    )  # so that a busy machine makes nobody look silent
    await subject.reset()
    assert (await subject.wait_healthy(0.01, lambda verdict: None)).healthy
    cluster.data.cluster_id += 1
    async with aclosing(subject.watch_health()) as verdicts:
        async for verdict in verdicts:
            if verdict.healthy is False:
                break
    assert {problem.reason for problem in verdict.problems} == {"ClusterReplaced"}


@pytest.mark.parametrize(
    "options, field",
    [({"probe": "write"}, "spec.subject.probe: write"), ({"tls_secret": "client"}, "spec.subject.tlsSecret")],
)
async def test_what_takes_more_than_http_is_refused_outside_the_cluster(options: dict[str, str], field: str) -> None:
    cluster = FakeTikv()
    cluster.reaches_pods = False
    await subject_in(cluster).check_ready()
    with pytest.raises(Unsupported, match=f"{field} needs a controller that runs in the cluster"):
        await subject_in(cluster, **options).check_ready()  # type: ignore[arg-type]


async def test_more_regions_than_can_be_read_are_named_beforehand_with_their_number() -> None:
    cluster = FakeTikv()
    cluster.region_count = 9_000
    cluster.script["*", "/pd/api/v1/regions"] = MemberUnreachable("pd-0: answer longer than 8 MiB")
    with pytest.raises(SubjectNotReady, match=r"PD counts 9000 regions, and their list cannot be read \(.*8 MiB"):
        await subject_in(cluster).check_ready()


async def test_many_regions_whose_list_can_be_read_are_no_hindrance() -> None:
    cluster = FakeTikv()
    cluster.region_count = 8_000
    await subject_in(cluster).check_ready()


async def test_few_regions_are_not_read_to_see_whether_they_can_be() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/regions"] = MemberUnreachable("frozen")
    await subject_in(cluster).check_ready()


def test_as_many_regions_fit_as_is_said() -> None:
    """Of three replicas each, in the shape that PD gives them; and none more than a few."""
    peers = [{"role_name": "Voter", "id": 10**9 + number, "store_id": number} for number in range(3)]
    load = ("cpu_usage", "written_bytes", "read_bytes", "written_keys", "read_keys", "approximate_size")
    one = {"id": 10**9, "start_key": "74" * 27, "end_key": "74" * 27, "epoch": {"conf_ver": 5, "version": 5}}
    one |= {"peers": peers, "leader": peers[0], "approximate_keys": 0} | dict.fromkeys(load, 0)

    def fits(number: int) -> bool:
        body = json.dumps({"count": number, "regions": [one] * number}, indent=2).encode()
        return len(body) <= MAX_MEBIBYTES << 20 and read_json(body) is not None

    assert fits(READABLE_REGIONS) and not fits(8_700)


@pytest.mark.parametrize("silence", [MemberUnreachable("frozen"), Answer(404, "no path"), Answer(503, "no leader")])
async def test_a_pd_that_does_not_count_its_regions_is_no_reason_to_refuse(silence: Answer | MemberUnreachable) -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/regions/count"] = silence
    await subject_in(cluster).check_ready()
