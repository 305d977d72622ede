"""Campaigns with an agent, from the token that lets it send to the record of what it did."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bench.scripted import Script
from controller.tokens import ANNOTATION, digest_of, secret_name
from tests.emulator.objects import Key
from tests.emulator.stage import Stage
from tests.support.waiting import eventually

OWN = "evalcampaign"
AGENT: dict[str, Any] = {"mode": "agent", "observeSeconds": 20, "agent": {"source": "http"}}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
async def taking(stage: Stage) -> AsyncIterator[Stage]:
    """A controller that takes what agents send."""
    stage.namespace(OWN, consents=False)
    stage.settings = replace(stage.settings, intake_port=free_port(), namespace=OWN)
    await stage.start()
    yield stage


async def token_of(stage: Stage, key: Key) -> str:
    uid = stage.api.objects.get(key)["metadata"]["uid"]
    secret = ("secrets", OWN, secret_name(uid))
    await eventually(lambda: stage.exists(secret), "no token was made")
    return b64decode(stage.api.objects.get(secret)["data"]["token"]).decode()


async def send(stage: Stage, token: str, ticket: str, **said: Any) -> int:
    url = f"http://127.0.0.1:{stage.settings.intake_port}/v1/tickets/{ticket}"
    async with httpx.AsyncClient() as client:
        body = {"message": "m-0 is down", **said}
        return (await client.put(url, json=body, headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_ticket_that_is_sent_and_resolved_makes_the_trial_resolved(taking: Stage) -> None:
    taking.lab.scripts["subject"] = Script(heal_after=3)
    key = taking.apply(**AGENT)
    token = await token_of(taking, key)
    await taking.until_hurt()
    assert await send(taking, token, "t") == 204
    await eventually(lambda: not taking.lab.worlds["subject"].hurt, "it never healed")
    assert await send(taking, token, "t", status="resolved") == 204
    status = await taking.until(key, "Complete", "Failed")
    assert taking.outcomes(key) == [(1, 1, "Resolved")]
    (attempt,) = taking.attempts(key)
    assert attempt.time_to_detect is not None and attempt.time_to_resolve is not None
    assert attempt.time_to_detect < attempt.time_to_resolve
    assert status["rates"]["resolved"] == "1/1 (100%)" and status["rates"]["medianTimeToDetect"].endswith("s")
    assert status["recent"][0]["timeToDetect"] and status["recent"][0]["timeToResolve"]


async def test_the_token_is_good_after_a_restart_and_for_nobody_else_and_goes_with_the_campaign(taking: Stage) -> None:
    taking.lab.scripts["subject"] = Script(heal_after=None)
    key = taking.apply(**AGENT)
    token = await token_of(taking, key)
    await taking.until_hurt()
    await taking.stop()
    await taking.start()
    await taking.until(key, "Running")
    assert await token_of(taking, key) == token
    for _ in range(200):  # until its driver is back, nobody knows the token
        if await send(taking, token, "t") != 401:
            break
        await asyncio.sleep(0.05)
    assert await send(taking, token, "t") == 204
    assert await send(taking, f"{token}x", "t") == 401
    taking.delete(key)
    await taking.gone(key)
    assert taking.api.objects.list("secrets", OWN) == []
    assert await send(taking, token, "t") == 401


async def test_when_the_campaign_has_ended_its_token_sends_for_nobody(taking: Stage) -> None:
    key = taking.apply(**AGENT)
    token = await token_of(taking, key)
    await taking.until(key, "Complete", "Failed")
    assert await send(taking, token, "t") == 401
    assert taking.api.objects.list("secrets", OWN) == []


async def test_no_secret_is_on_record_in_a_status_or_in_an_event(taking: Stage) -> None:
    key = taking.apply(**AGENT, trials=1)
    token = await token_of(taking, key)
    await taking.until(key, "Complete", "Failed")
    seen = str(taking.api.objects.get(key)) + str(taking.api.objects.list("events", "default"))
    assert token not in seen
    await taking.stop()
    assert token.encode() not in b"".join(path.read_bytes() for path in taking.folder.glob("records.db*"))


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        ({"source": "operatorDb", "path": "/x", "timeZone": "Mars/Olympus"}, "IANA"),
        ({"source": "operatorDb", "path": "/var/lib/agent/operator.db"}, "EVALCAMPAIGN_AGENT_FILES"),
        ({"source": "http"}, "EVALCAMPAIGN_INTAKE_PORT"),
    ],
)
async def test_what_can_never_be_seen_ends_the_campaign_before_anything_is_broken(
    running: Stage, agent: dict[str, str], says: str
) -> None:
    key = running.apply(mode="agent", agent=agent)
    status = await running.until(key, "Failed", "Complete")
    assert says in status["message"]
    assert running.condition(key, "Accepted") == ("False", "InvalidAgent")
    assert running.lab.worlds["subject"].injected == []


async def test_an_agent_that_is_not_there_yet_is_waited_for(taking: Stage) -> None:
    taking.namespace("agents")
    agent = {"source": "http", "workload": {"namespace": "agents", "name": "a"}}
    key = taking.apply(**AGENT | {"agent": agent})
    await taking.until(key, "Pending")
    await eventually(lambda: taking.condition(key, "Accepted") == ("False", "AgentNotFound"), "nobody said so")
    assert "Deployment agents/a" in taking.status(key)["message"]


async def test_a_control_needs_no_fault_and_ends_quiet(taking: Stage) -> None:
    key = taking.apply(**AGENT | {"mode": "control", "observeSeconds": 1})
    status = await taking.until(key, "Complete", "Failed")
    assert taking.outcomes(key) == [(1, 1, "Quiet")]
    assert status["rates"] == {"falseAlarms": "0/1 (0%)", "falseAlarmRate": "0.0000"}
    assert status["message"] == "0 false alarms in 1 scored trials"
    assert taking.lab.worlds["subject"].injected == []


async def test_what_an_agent_can_read_is_said_once_beside_the_campaign_and_what_is_unknown_is_not_called_no(
    taking: Stage,
) -> None:
    # This API server answers no questions about rights.
    taking.namespace("agents")
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"serviceAccountName": "w"}}}
    taking.api.objects.create("deployments", "agents", {"metadata": {"name": "a"}, "spec": spec})
    key = taking.apply(**AGENT | {"agent": {"source": "http", "workload": {"namespace": "agents", "name": "a"}}})
    await eventually(lambda: ("Warning", "AgentRightsUnknown") in taking.events(key), "nobody said so")
    [event] = [each for each in taking.warnings(key) if each["reason"] == "AgentRightsUnknown"]
    assert event["message"].startswith("whether the agent's ServiceAccount agents/w can read campaigns in namespace")


async def test_a_running_controller_gives_the_token_to_who_proves_that_he_may_change_the_campaign(stage: Stage) -> None:
    stage.namespace(OWN, consents=False)
    stage.settings = replace(stage.settings, intake_port=free_port(), records_port=free_port(), namespace=OWN)
    await stage.start()
    stage.lab.scripts["subject"] = Script(heal_after=None)
    key = stage.apply(**AGENT)
    token, proof = await token_of(stage, key), "p" * 43
    stage.api.objects.merge(key, {"metadata": {"annotations": {ANNOTATION: digest_of(proof)}}})
    url = f"http://127.0.0.1:{stage.settings.records_port}/v1/tokens/default/c"
    async with httpx.AsyncClient() as client:
        given = await client.get(url, headers={"Authorization": f"Proof {proof}"})
        assert (given.status_code, given.json()) == (200, {"token": token})
        for headers in ({}, {"Authorization": f"Proof {'q' * 43}"}, {"Authorization": f"Bearer {proof}"}):
            refused = await client.get(url, headers=headers)
            assert refused.status_code == 403 and token not in refused.text
