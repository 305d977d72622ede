"""The controller at work on a real API server, as its own ServiceAccount: with exactly the rights that are shipped."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bench.scripted import Script, ScriptedSubject, World
from cluster.apiserver.kubectl import Kubectl
from controller.authorization import ALLOWED_ANNOTATION, OPT_IN_LABEL
from controller.settings import Settings
from tests.apiserver.campaigns import campaign
from tests.apiserver.conftest import CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE, MakeNamespace
from tests.support.threaded import ThreadedController

SUBJECT = "etcd"
"""The namespace over which the shipped manifests give permissions."""

WORLDS: dict[str, World] = {}


@pytest.fixture
async def controller(
    controller_kubeconfig: Path, tmp_path: Path, kubectl: Kubectl, namespace: str
) -> AsyncIterator[None]:
    """Running, with a scripted subject in place of a real one; `WORLDS` holds one by namespace.

    `SUBJECT` lets this test's campaigns break it.
    """
    WORLDS.clear()
    kubectl("annotate", "namespace", SUBJECT, f"{ALLOWED_ANNOTATION}={namespace}", "--overwrite")

    def scripted(context: Any) -> Any:
        world = WORLDS.setdefault(context.namespace, World())
        return ScriptedSubject(context, Script(heal_after=None), world)

    settings = Settings(f"sqlite:///{tmp_path}/records.db", {}, 0, controller_kubeconfig)
    thread = ThreadedController(settings, {"scripted": scripted})
    await thread.start()
    yield
    await thread.stop()


def asked(namespace: str, name: str, subject: str, **spec: Any) -> dict[str, Any]:
    """A campaign of one short trial on the scripted subject in namespace `subject`."""
    short = {"trials": 1, "observeSeconds": 1, "settleSeconds": 1, "quietPeriod": {"minSeconds": 0, "maxSeconds": 0}}
    return campaign(namespace, name, subject={"type": "scripted", "namespace": subject}, **(short | spec))


async def when(kubectl: Kubectl, name: str, namespace: str, condition: Any) -> dict[str, Any]:
    """The campaign's status, once it is as asked."""
    deadline = time.monotonic() + 180
    status: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = await asyncio.to_thread(kubectl.json, "get", "ec", name, "-n", namespace)
        status = found.get("status", {})
        if condition(status):
            return status
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came to that: {status}")


def accepted(status: dict[str, Any]) -> dict[str, Any]:
    return next((each for each in status.get("conditions", []) if each["type"] == "Accepted"), {})


async def test_a_campaign_runs_to_its_end_with_exactly_the_shipped_rights(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(asked(namespace, "spine", SUBJECT, trials=2))
    wait = ("wait", "--for=condition=Finished", "ec/spine", "-n", namespace, "--timeout=170s")
    await asyncio.to_thread(kubectl, *wait)
    found = kubectl.json("get", "ec", "spine", "-n", namespace)
    assert found["status"]["phase"] == "Complete"
    assert found["status"]["summary"]["outcomes"] == {"NotHealed": 2}
    assert len(WORLDS[SUBJECT].injected) == 2
    columns = kubectl("get", "ec", "spine", "-n", namespace, "--no-headers").split()
    assert columns[1:7] == ["Complete", "scripted", "node_kill", "baseline", "2/2", "0/2"]


async def test_the_status_is_written_by_server_side_apply_and_by_nobody_else(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(asked(namespace, "applied", SUBJECT))
    await when(kubectl, "applied", namespace, lambda status: status.get("phase") == "Complete")
    found = kubectl.json("get", "ec", "applied", "-n", namespace, "--show-managed-fields")
    writers = {
        (field["manager"], field["operation"])
        for field in found["metadata"]["managedFields"]
        if field.get("subresource") == "status"
    }
    assert writers == {("evalcampaign", "Apply")}


async def test_each_transition_has_one_event_beside_the_campaign_and_none_beside_the_subject(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(asked(namespace, "told", SUBJECT))
    await when(kubectl, "told", namespace, lambda status: status.get("phase") == "Complete")
    events = kubectl.json("get", "events", "-n", namespace, "--field-selector=involvedObject.name=told")["items"]
    assert sorted(event["reason"] for event in events) == ["AllTrialsDone", "TrialNotHealed", "TrialsRunning"]
    assert kubectl.json("get", "events", "-n", SUBJECT)["items"] == []


async def test_a_namespace_that_did_not_consent_is_left_alone_until_it_has(
    controller: Any, kubectl: Any, namespace: Any, make_namespace: MakeNamespace
) -> None:
    shy = make_namespace("shy")
    account = f"{CONTROLLER_NAMESPACE}:{CONTROLLER_ACCOUNT}"
    kubectl("create", "role", "look", "--verb=get", "--resource=namespaces", "-n", shy)
    kubectl("create", "rolebinding", "look", "--role=look", f"--serviceaccount={account}", "-n", shy)
    kubectl.apply(asked(namespace, "uninvited", shy))
    status = await when(kubectl, "uninvited", namespace, lambda status: accepted(status).get("status") == "False")
    assert (status["phase"], accepted(status)["reason"]) == ("Pending", "NotOptedIn")
    assert f"{OPT_IN_LABEL}=true" in accepted(status)["message"]
    assert WORLDS[shy].injected == []

    kubectl("label", "namespace", shy, f"{OPT_IN_LABEL}=true")
    status = await when(kubectl, "uninvited", namespace, lambda s: accepted(s).get("reason") == "NotAllowed")
    assert status["phase"] == "Pending" and WORLDS[shy].injected == []

    # As the sentence says.
    (command,) = re.findall(r"\(kubectl (annotate .*)\)", accepted(status)["message"])
    kubectl(*command.split())
    await when(kubectl, "uninvited", namespace, lambda status: status.get("phase") == "Complete")
    assert len(WORLDS[shy].injected) == 1


async def test_a_namespace_without_permissions_for_us_is_named_as_that(
    controller: Any, kubectl: Any, namespace: Any, make_namespace: MakeNamespace
) -> None:
    closed = make_namespace("closed", labels={"evalcampaign.dev/opt-in": "true"})
    kubectl.apply(asked(namespace, "powerless", closed))
    status = await when(kubectl, "powerless", namespace, lambda status: accepted(status).get("status") == "False")
    assert (status["phase"], accepted(status)["reason"]) == ("Pending", "Forbidden")
    assert f"no permissions in namespace {closed}" in accepted(status)["message"]


async def test_a_subject_that_does_not_exist_fails_with_the_list_of_those_that_do(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(campaign(namespace, "unknown", subject={"type": "mongodb", "namespace": SUBJECT}))
    status = await when(kubectl, "unknown", namespace, lambda status: status.get("phase") == "Failed")
    assert status["message"] == "subject type 'mongodb' is unknown; valid: scripted"


async def test_a_campaign_deleted_in_mid_trial_is_undone_and_goes(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(asked(namespace, "gone", SUBJECT, observeSeconds=600))
    observing = lambda status: status.get("current", {}).get("step") == "observe"  # noqa: E731
    await when(kubectl, "gone", namespace, observing)
    await asyncio.to_thread(kubectl, "delete", "ec", "gone", "-n", namespace, "--timeout=170s")
    assert not WORLDS[SUBJECT].hurt and WORLDS[SUBJECT].fault is None


async def test_a_campaign_suspended_aborted_and_done_with_its_time_goes_by_itself(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    def steer(**controls: Any) -> None:
        kubectl("patch", "ec", "steered", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": controls}))

    kubectl.apply(asked(namespace, "steered", SUBJECT, trials=2, observeSeconds=600, suspend=True))
    await when(kubectl, "steered", namespace, lambda status: status.get("phase") == "Suspended")
    steer(suspend=False)
    observing = lambda status: status.get("current", {}).get("step") == "observe"  # noqa: E731
    await when(kubectl, "steered", namespace, observing)
    steer(abort=True)
    status = await when(kubectl, "steered", namespace, lambda status: status.get("phase") == "Aborted")
    assert (status["observedGeneration"], status["summary"]["outcomes"]) == (3, {"Aborted": 1})
    assert not WORLDS[SUBJECT].hurt and WORLDS[SUBJECT].fault is None
    steer(ttlSecondsAfterFinished=0)
    await asyncio.to_thread(kubectl, "wait", "--for=delete", "ec/steered", "-n", namespace, "--timeout=170s")


async def test_the_plans_of_a_dry_run_are_taken_by_the_api_server(
    controller: Any, kubectl: Any, namespace: Any
) -> None:
    kubectl.apply(asked(namespace, "dry", SUBJECT, trials=3, dryRun=True))
    status = await when(kubectl, "dry", namespace, lambda status: status.get("phase") == "Complete")
    assert [plan["trial"] for plan in status["plans"]] == [1, 2, 3]
    assert WORLDS[SUBJECT].injected == []
