"""What subjects ask of the API server, as it goes over the wire and comes back."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import aiohttp.web
import pytest

from controller.kube import KubeCluster
from subjects.cluster import ClusterError, ClusterUnreachable, Workload
from tests.unit.kube.server import PodServer, serving

STATEFULSETS = "/apis/apps/v1/namespaces/s/statefulsets"
CLAIMS = "/api/v1/namespaces/s/persistentvolumeclaims"


@pytest.fixture
async def server() -> PodServer:
    return PodServer()


@pytest.fixture
async def cluster(server: PodServer) -> AsyncIterator[Any]:
    async with serving(server) as api:
        yield KubeCluster(api)


def statefulset(name: str, **spec: Any) -> dict[str, dict[str, str] | dict[str, Any]]:
    """A StatefulSet as the API has it."""
    template = {"spec": {"containers": [{"name": "main", "image": f"{name}:1"}]}}
    return {"metadata": {"name": name}, "spec": {"template": template} | spec}


async def test_workloads_are_listed_by_selector_and_cut_down(server: PodServer, cluster: KubeCluster) -> None:
    claims = [{"metadata": {"name": "data"}}, {"metadata": {"name": "log"}}]
    server.answer = (200, {"items": [statefulset("pd", replicas=3), statefulset("tikv", volumeClaimTemplates=claims)]})
    assert await cluster.list_workloads("s", "app in (pd, tikv),!x") == {
        "pd": Workload("pd", 3, {"main": "pd:1"}),
        "tikv": Workload("tikv", 1, {"main": "tikv:1"}, ("data", "log")),
    }
    (asked,) = server.heard
    assert (asked.method, asked.path, asked.query) == ("GET", STATEFULSETS, {"labelSelector": "app in (pd, tikv),!x"})


async def test_scaling_asks_for_nothing_but_the_number_through_the_scale_subresource(
    server: PodServer, cluster: KubeCluster
) -> None:
    server.answer = (200, {})
    await cluster.scale_workload("s", "tikv", 0)
    (asked,) = server.heard
    assert (asked.method, asked.path) == ("PATCH", f"{STATEFULSETS}/tikv/scale")
    assert (asked.body, asked.content_type) == ({"spec": {"replicas": 0}}, "application/merge-patch+json")


async def test_claims_are_listed_by_selector_whether_they_are_going_or_not(
    server: PodServer, cluster: KubeCluster
) -> None:
    going = {"metadata": {"name": "data-tikv-1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    server.answer = (200, {"items": [{"metadata": {"name": "data-tikv-0"}}, going]})
    assert await cluster.list_claims("s", "app=tikv") == {"data-tikv-0", "data-tikv-1"}
    (asked,) = server.heard
    assert (asked.method, asked.path, asked.query) == ("GET", CLAIMS, {"labelSelector": "app=tikv"})


async def test_a_claim_is_deleted_by_name(server: PodServer, cluster: KubeCluster) -> None:
    server.answer = (200, {})
    await cluster.delete_claim("s", "data-tikv-0")
    assert [(asked.method, asked.path) for asked in server.heard] == [("DELETE", f"{CLAIMS}/data-tikv-0")]


async def test_a_secret_is_decoded(server: PodServer, cluster: KubeCluster) -> None:
    server.answer = (200, {"data": {"ca.crt": base64.b64encode(b"\x00PEM").decode(), "empty": ""}})
    assert await cluster.read_secret("s", "tikv-client") == {"ca.crt": b"\x00PEM", "empty": b""}
    assert [(a.method, a.path) for a in server.heard] == [("GET", "/api/v1/namespaces/s/secrets/tikv-client")]


@pytest.mark.parametrize("empty", [{}, {"data": None}])
async def test_a_secret_may_be_empty(server: PodServer, cluster: KubeCluster, empty: dict[str, Any]) -> None:
    server.answer = (200, empty)
    assert await cluster.read_secret("s", "tikv-client") == {}


@pytest.mark.parametrize(
    ("kind", "collection"),
    [
        ("v1/services", "/api/v1/namespaces/s/services"),
        ("networking.k8s.io/v1/networkpolicies", "/apis/networking.k8s.io/v1/namespaces/s/networkpolicies"),
    ],
)
async def test_an_object_of_any_kind_is_read_and_changed_by_its_path(
    server: Any, cluster: Any, kind: Any, collection: Any
) -> None:
    server.answer = (200, {"items": [{"metadata": {"name": "web"}}]})
    assert await cluster.list_objects("s", kind, "app=web") == {"web": {"metadata": {"name": "web"}}}
    await cluster.get_object("s", kind, "web")
    await cluster.patch_object("s", kind, "web", ({"op": "remove", "path": "/spec/selector"},))
    await cluster.create_object("s", kind, {"metadata": {"name": "deny"}})
    await cluster.delete_object("s", kind, "web", "uid-1")
    assert [(asked.method, asked.path) for asked in server.heard] == [
        ("GET", collection),
        ("GET", f"{collection}/web"),
        ("PATCH", f"{collection}/web"),
        ("POST", collection),
        ("DELETE", f"{collection}/web"),
    ]
    assert server.heard[0].query == {"labelSelector": "app=web"}
    assert server.heard[2].content_type == "application/json-patch+json"
    assert server.heard[4].body == {"preconditions": {"uid": "uid-1"}}


@pytest.mark.parametrize("kind", ["services", "v1/../../nodes", "v1/Services", "a/b/c/d", "v1/services/web", ""])
async def test_what_is_no_kind_is_asked_of_nobody(server: Any, cluster: Any, kind: Any) -> None:
    with pytest.raises(ValueError, match="no version/plural"):
        await cluster.get_object("s", kind, "web")
    assert server.heard == []


ASKED = {
    "list_objects": ("s", "v1/services"),
    "list_workloads": ("s", "app=tikv"),
    "scale_workload": ("s", "tikv", 3),
    "list_claims": ("s", "app=tikv"),
    "delete_claim": ("s", "data-tikv-0"),
    "read_secret": ("s", "tikv-client"),
}


@pytest.mark.parametrize(("method", "arguments"), ASKED.items(), ids=ASKED)
@pytest.mark.parametrize(("status", "kind"), [(403, ClusterError), (404, ClusterError), (503, ClusterUnreachable)])
async def test_a_refusal_and_an_answer_that_is_none_are_told_apart(
    server: PodServer, cluster: KubeCluster, method: str, arguments: tuple[Any, ...], status: int, kind: type[Any]
) -> None:
    server.answer = (status, {"kind": "Status", "message": "not now"})
    with pytest.raises(kind, match="not now"):
        await getattr(cluster, method)(*arguments)


async def test_a_secret_that_is_cut_short_tells_nothing_of_what_was_in_it(
    server: PodServer, cluster: KubeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    value = base64.b64encode(b"hunter2").decode()
    server.raw = lambda: aiohttp.web.Response(text=f'{{"data": {{"tls.key": "{value}"', content_type="application/json")
    with pytest.raises(ClusterUnreachable) as failed:
        await cluster.read_secret("s", "tikv-client")
    told = "".join(traceback.format_exception(failed.value)) + caplog.text
    assert value not in told and "hunter2" not in told
