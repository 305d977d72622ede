"""What the API server is told of who writes, for `managedFields` and audit logs: a word that says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.kube import KubeApi
from controller.kube.cluster import KubeCluster
from controller.kube.deployments import KubeDeployments
from subjects.cluster import ClusterError
from tests.unit.kube.server import PODS, PodServer, serving

CLIENTS = ("evalcampaign", "kopf", "python", "openapi", "aiohttp")


@pytest.fixture
async def server() -> PodServer:
    return PodServer()


@pytest.fixture
async def api(server: PodServer) -> AsyncIterator[Any]:
    async with serving(server) as connected:
        yield connected


async def every_write(api: KubeApi) -> None:
    cluster, deployments = KubeCluster(api), KubeDeployments(api)
    await cluster.patch_pod("s", "m-0", [{"op": "test", "path": "/a", "value": 1}])
    await cluster.scale_workload("s", "m", 0)
    await deployments.scale("agents", "a", 1)
    await cluster.delete_pod("s", "m-0", "uid", 0)
    await cluster.delete_claim("s", "data-m-0")


async def test_every_write_to_a_subject_or_an_agent_names_a_manager_that_says_nothing(
    server: PodServer, api: KubeApi
) -> None:
    agents = []
    server.on_request = lambda request: agents.append(request.headers["User-Agent"])
    await every_write(api)
    managers = [heard.query.get("fieldManager") for heard in server.heard if heard.method != "DELETE"]
    assert managers == ["manager"] * 3
    assert agents == ["manager"] * 5
    assert not any(name in said.lower() for name in CLIENTS for said in agents)


async def test_a_question_names_none_and_a_manager_that_is_asked_for_stays(server: PodServer, api: KubeApi) -> None:
    await api.request("GET", PODS)
    await api.request("PATCH", PODS, query={"fieldManager": "own"})
    await api.exchange("POST", f"{PODS}/m-0:2379/proxy/v3/kv/put", body={})
    # The last goes to the member, which knows no such parameter.
    assert [heard.query for heard in server.heard] == [{}, {"fieldManager": "own"}, {}]


async def test_an_installation_has_a_name_of_its_own() -> None:
    server = PodServer()
    agents = []
    server.on_request = lambda request: agents.append(request.headers["User-Agent"])
    async with serving(server, field_manager="kubectl") as api:
        await api.request("PATCH", PODS)
    assert ([heard.query for heard in server.heard], agents) == ([{"fieldManager": "kubectl"}], ["kubectl"])


async def test_what_is_refused_is_refused_all_the_same(server: PodServer, api: KubeApi) -> None:
    server.answer = (409, {"message": "Apply failed with 1 conflict"})
    with pytest.raises(ClusterError, match="conflict"):
        await api.request("PATCH", PODS)
