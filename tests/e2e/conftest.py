"""A real cluster with the controller, an etcd and a TiKV in it, as `make deploy` leaves them.

deployed      everything is there and Ready; autouse: without it the tier is skipped (EVALCAMPAIGN_REQUIRE=1: fails)
namespace     where this session's campaigns live, and whose campaigns the subjects allow; gone afterwards, campaigns
              first
campaigns     makes campaigns for one test and deletes them at its end
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from cluster import kubectl, tools
from tests.e2e.campaigns import Campaigns
from tests.e2e.consent import allowed
from tests.e2e.systems import ETCD, TIKV

WORKLOADS = (
    ("evalcampaign", "deployment/evalcampaign-controller"),
    *((subject.namespace, f"statefulset/{name}") for subject in (ETCD, TIKV) for name in subject.workloads),
)


def _missing() -> str | None:
    if not tools.binary("kubectl").exists():
        return "kubectl has not been built yet"
    for namespace, workload in WORKLOADS:
        ready = kubectl.attempt("-n", namespace, "rollout", "status", workload, "--timeout=180s", timeout=190)
        if ready.returncode != 0:
            return f"{workload} is not Ready: {ready.stderr.strip()}"
    return None


@pytest.fixture(scope="session", autouse=True)
def deployed() -> None:
    if missing := _missing():
        reason = f"{missing}; run `make deploy`"
        if os.environ.get("EVALCAMPAIGN_REQUIRE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def namespace(deployed: None) -> Iterator[str]:
    name = f"e2e-{uuid4().hex[:6]}"
    kubectl.ask("making a namespace", "create", "namespace", name)
    with ExitStack() as put_back:
        for subject in (ETCD, TIKV):
            put_back.enter_context(allowed(name, subject.namespace))
        yield name
        kubectl.ask("deleting campaigns", "-n", name, "delete", "evalcampaigns", "--all", "--timeout=300s", timeout=310)
    kubectl.ask("deleting the namespace", "delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def campaigns(namespace: str) -> Iterator[Campaigns]:
    """Shared by the tests of a file. Whatever a file's tests did, the next file finds both subjects healthy."""
    made = Campaigns(namespace)
    yield made
    made.delete_all()
    ETCD.wait_until_healthy()
    TIKV.wait_until_healthy()
