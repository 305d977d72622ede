"""Somebody else's hand on an agent's Deployment: another tenant's campaign, GitOps, a neighbour in its namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import kmock
import pytest

from bench.quick import QuickSpec
from bench.scripted import Script
from controller import handlers
from controller.agents import deployment
from controller.campaign import parsing, preconditions
from tests.emulator.apiserver import ApiServer
from tests.emulator.deployments import LABELS, READY, Deployments
from tests.emulator.objects import Key, Refused
from tests.emulator.stage import ALLOWED, Stage
from tests.support.ports import free_port
from tests.support.waiting import eventually

OWN = "evalcampaign"
AGENT = {"source": "http", "workload": {"namespace": "agents", "name": "fixer"}}
WATCHED: dict[str, Any] = {"mode": "agent", "observeSeconds": 2, "agent": AGENT}


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(parsing, "CampaignSpec", QuickSpec)
    monkeypatch.setattr(preconditions, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(preconditions, "MAX_RETRY_UNAUTHORIZED_SECONDS", 0.3)
    monkeypatch.setattr(deployment, "WATCH_SECONDS", 0.1)
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(handlers, "DELETION_RETRY_SECONDS", 0.3)
    yield


class Ground:
    """Two tenants, each with a subject of its own, and the one agent of the first."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.objects = stage.api.objects
        self.deployments = Deployments(self.objects)
        stage.namespace(OWN, consents=False)
        stage.namespace("agents", consents=False)
        stage.namespace("mallory", consents=False)
        stage.namespace("theirs")
        stage.annotate("theirs", "mallory")
        self.allow("default")
        self.agent = self.deployments.create("agents", "fixer")
        stage.settings = replace(stage.settings, intake_port=free_port(), namespace=OWN)
        for subject in ("subject", "theirs"):
            stage.lab.scripts[subject] = Script(heal_after=None)

    def allow(self, *namespaces: str) -> None:
        """Say whose campaigns may start the agents."""
        said = {ALLOWED: ",".join(namespaces)} if namespaces else {ALLOWED: None}
        self.objects.merge(("namespaces", None, "agents"), {"metadata": {"annotations": said}})

    def attack(self, **spec: Any) -> Key:
        """Mallory's campaign, on a subject of his own, names the other one's agent."""
        asked = {"mode": "baseline", "observeSeconds": 1, "agent": AGENT | {"source": "none"}} | spec
        return self.stage.apply("attack", subject="theirs", namespace="mallory", **asked)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with ApiServer() as api, kmock.Server(api):
        stage = Stage(api, tmp_path)
        made = Ground(stage)
        try:
            async with made.deployments.running():
                await stage.start()
                yield made
        finally:
            await stage.stop()
            await api.close_watches()


async def test_another_tenants_campaign_without_the_owners_consent_never_touches_the_agent(ground: Ground) -> None:
    stage = ground.stage
    attack = ground.attack()
    mine = stage.apply("mine", **WATCHED)
    await stage.until_step(mine, "observe")
    await stage.until(attack, "Pending")
    await eventually(lambda: stage.condition(attack, "Accepted") == ("False", "AgentNotAllowed"), "nobody said so")
    assert "does not allow campaigns of namespace mallory" in stage.status(attack)["message"]
    await stage.until(mine, "Complete", "Failed")
    assert stage.outcomes(mine) == [(1, 1, "Undetected")]
    assert ground.deployments.scales(ground.agent) == [0, 1, 0], "only the one campaign asked for anything"
    assert stage.status(attack)["phase"] == "Pending"


async def test_a_second_campaign_waits_for_the_agent_and_says_who_has_it(ground: Ground) -> None:
    stage = ground.stage
    ground.allow("default", "mallory")
    mine = stage.apply("mine", **WATCHED)
    await stage.until_step(mine, "observe")
    attack = ground.attack()
    status = await stage.until(attack, "Queued")
    assert status["message"] == "campaign default/mine has the agent's Deployment agents/fixer"
    assert stage.condition(attack, "Progressing") == ("False", "AgentBusy")
    assert stage.condition(attack, "SubjectLocked") is None, "nobody has its subject"
    await stage.until(mine, "Complete", "Failed")
    assert stage.outcomes(mine) == [(1, 1, "Undetected")]
    await stage.until(attack, "Complete", "Failed")
    assert stage.outcomes(attack) == [(1, 1, "NotHealed")]
    assert stage.locks() == []


async def test_the_agent_is_the_first_campaigns_still_after_a_restart(ground: Ground) -> None:
    stage = ground.stage
    ground.allow("*")
    mine = stage.apply("mine", **WATCHED)
    await stage.until_step(mine, "observe")
    attack = ground.attack()
    await stage.until(attack, "Queued")
    await stage.stop()
    assert set(stage.locks()) == {"default/mine"}
    await stage.start()
    await stage.until(mine, "Complete", "Failed")
    assert [outcome for _, _, outcome in stage.outcomes(mine)] == ["Interrupted", "Undetected"]
    await stage.until(attack, "Complete", "Failed")


async def test_consent_that_is_taken_back_stops_the_next_trial(ground: Ground) -> None:
    stage = ground.stage
    mine = stage.apply("mine", **WATCHED | {"trials": 2, "observeSeconds": 1})
    await stage.until_step(mine, "observe")
    ground.allow()
    refused = ("False", "AgentNotAllowed")
    await eventually(lambda: stage.condition(mine, "Accepted") == refused, "it went on")
    assert len(stage.attempts(mine)) == 1
    ground.allow("default")
    await stage.until(mine, "Complete", "Failed")
    assert stage.outcomes(mine) == [(1, 1, "Undetected"), (2, 1, "Undetected")]


def scale_to_none(ground: Ground) -> None:
    ground.objects.merge(ground.agent, {"spec": {"replicas": 0}})


def delete_the_pod(ground: Ground) -> None:
    for pod in ground.deployments.pods(ground.agent):
        ground.objects.delete(("pods", "agents", pod["metadata"]["name"]))


def delete_the_deployment_and_apply_it_again(ground: Ground) -> None:
    delete_the_pod(ground)
    for plural, name in (("replicasets", "fixer-1"), ("deployments", "fixer")):
        with suppress(Refused):
            ground.objects.delete((plural, "agents", name))
    ground.deployments.create("agents", "fixer")


@pytest.mark.parametrize("meddle", [scale_to_none, delete_the_pod, delete_the_deployment_and_apply_it_again])
async def test_an_agent_that_somebody_ends_in_the_middle_has_not_failed(ground: Ground, meddle: object) -> None:
    stage = ground.stage
    mine = stage.apply("mine", **WATCHED)
    await stage.until_step(mine, "observe")
    assert callable(meddle)
    meddle(ground)
    await stage.until(mine, "Complete", "Failed")
    assert stage.outcomes(mine) == [(1, 1, "InfraError"), (1, 2, "Undetected")]
    lost, _ = stage.attempts(mine)
    assert lost.error is not None and lost.error.startswith("AgentLost: Deployment agents/fixer: ")


async def test_neighbours_that_bear_the_agents_labels_are_none_of_it(ground: Ground) -> None:
    stage = ground.stage
    every = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
    ground.objects.merge(ground.agent, {"spec": {"selector": every | {"matchLabels": None}}})
    owner = {"kind": "ReplicaSet", "name": "other-1", "uid": "another", "controller": True}
    for number in range(3):
        meta = {"name": f"neighbour-{number}", "labels": LABELS, "ownerReferences": [owner]}
        body = {"metadata": meta, "spec": {"containers": []}, "status": {"phase": "Running", "conditions": READY}}
        ground.objects.create("pods", "agents", body)
    mine = stage.apply("mine", **WATCHED | {"observeSeconds": 1})
    await stage.until(mine, "Complete", "Failed")
    assert stage.outcomes(mine) == [(1, 1, "Undetected")]
