"""Asking what somebody else may do: yes, no, or nobody says."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube import KubeReviews
from controller.kube.deployments import deployment_from_json
from tests.unit.kube.server import PodServer, serving

GROUPS = ("system:authenticated",)
ASKED = {"resource": "events", "verb": "list", "namespace": "s"}


@pytest.mark.parametrize(
    ("answer", "may"),
    [
        ((201, {"status": {"allowed": True}}), True),
        ((201, {"status": {"allowed": False}}), False),
        ((201, {"status": {"allowed": False, "denied": True, "reason": "no"}}), False),
        ((201, {"status": {"allowed": False, "evaluationError": "a webhook did not answer"}}), None),
        ((201, {"status": {"allowed": True, "evaluationError": "a webhook did not answer"}}), True),
        ((201, {"status": {}}), None),
        ((201, {}), None),
        ((403, {"message": "subjectaccessreviews is forbidden"}), None),
        ((404, {"message": "the server could not find the requested resource"}), None),
        ((503, {"message": "later"}), None),
    ],
)
async def test_a_no_is_only_what_was_said_to_be_one(answer: tuple[Any, ...], may: bool | None) -> None:
    server = PodServer()
    server.answer = answer
    async with serving(server) as api:
        assert await KubeReviews(api).may("u", GROUPS, ASKED) is may
    [heard] = server.heard
    assert heard.body["spec"] == {"user": "u", "groups": list(GROUPS), "resourceAttributes": ASKED}


@pytest.mark.parametrize(
    ("template", "account"),
    [({"spec": {"serviceAccountName": "a"}}, "a"), ({"spec": {}}, "default"), ({}, "default"), (None, "default")],
)
def test_the_account_of_a_deployment_is_its_pods_or_the_default(template: dict[str, Any] | None, account: str) -> None:
    found = {"metadata": {"name": "d", "uid": "1"}, "spec": {"selector": {"matchLabels": {}}, "template": template}}
    assert deployment_from_json(found).account == account
