"""What happens to a spec on its way in, and that nothing happens to it afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.apiserver.kubectl import Kubectl
from controller.api import CampaignSpec, Controls
from tests.apiserver.campaigns import campaign

SUBJECT = {"type": "etcd", "namespace": "etcd"}

FULL = {
    "selectors": {f"{n}{'r' * 62}": "s" * 512 for n in range(8)},
    "endpoints": [f"http://{'h' * 287}:{n + 10000}" for n in range(16)],
    "tlsSecret": "t" * 253,
}

IMMUTABLE = "a campaign's question cannot change while it is being answered"


def test_the_api_server_fills_in_the_same_defaults_as_the_models(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    stored = kubectl.json("get", "ec", "asked", "-n", namespace)["spec"]
    filled = CampaignSpec.model_validate(campaign(namespace)["spec"])
    assert stored == filled.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_a_deadline_that_is_given_leaves_the_others_at_their_defaults(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace, deadlines={"resetSeconds": 7}))
    stored = kubectl.json("get", "ec", "asked", "-n", namespace)["spec"]["deadlines"]
    assert (stored["resetSeconds"], stored["healthySeconds"]) == (7, 300)


def test_a_campaign_without_a_namespace_goes_to_default(kubectl: Kubectl, crd: None) -> None:
    asked = campaign("unused", name="without-namespace")
    del asked["metadata"]["namespace"]
    kubectl.apply(asked)
    assert kubectl.json("get", "ec", "without-namespace")["metadata"]["namespace"] == "default"
    kubectl("delete", "ec", "without-namespace")


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a number", {"trials": 3}, {"trials": 4}, "trials"),
    ("two fields at once", {}, {"trials": 4, "seed": 1}, "trials seed"),
    ("the subject", {}, {"subject": {"type": "etcd", "namespace": "elsewhere"}}, "subject"),
    ("the chaos", {}, {"chaos": {"type": "node_down"}}, "chaos"),
    (
        "a parameter",
        {"chaos": {"type": "x", "params": {"a": 1}}},
        {"chaos": {"type": "x", "params": {"a": 2}}},
        "chaos",
    ),
    (
        "a number to a text",
        {"chaos": {"type": "x", "params": {"a": 1}}},
        {"chaos": {"type": "x", "params": {"a": "1"}}},
        "chaos",
    ),
    ("a field that is removed", {"trials": 3}, {}, "trials"),
    ("a field that is added", {}, {"observeSeconds": 7}, "observeSeconds"),
    ("a parameter that is added", {"chaos": {"type": "x"}}, {"chaos": {"type": "x", "params": {"a": 1}}}, "chaos"),
    ("a parameter that is removed", {"chaos": {"type": "x", "params": {"a": 1}}}, {"chaos": {"type": "x"}}, "chaos"),
    ("the reset", {}, {"reset": "recreate"}, "reset"),
    ("the probe", {}, {"subject": SUBJECT | {"probe": "write"}}, "subject"),
    (
        "a selector",
        {"subject": SUBJECT | {"selectors": {"tikv": "a=b"}}},
        {"subject": SUBJECT | {"selectors": {"tikv": "a=c"}}},
        "subject",
    ),
    (
        "the order of endpoints",
        {"subject": SUBJECT | {"endpoints": ["http://a:1", "http://b:1"]}},
        {"subject": SUBJECT | {"endpoints": ["http://b:1", "http://a:1"]}},
        "subject",
    ),
    (
        "the last of as many and as long ones as there may be",
        {"subject": SUBJECT | FULL},
        {"subject": SUBJECT | FULL | {"endpoints": [*FULL["endpoints"][:-1], "http://a:1"]}},  # type: ignore[index]
        "subject",
    ),
    ("a Secret that is removed", {"subject": SUBJECT | {"tlsSecret": "s"}}, {}, "subject"),
    ("an experiment that it joins", {}, {"interleave": {"group": "g", "arm": "a"}}, "interleave"),
    ("an experiment that it leaves", {"interleave": {"group": "g", "arm": "a"}}, {}, "interleave"),
    (
        "its arm",
        {"interleave": {"group": "g", "arm": "a"}},
        {"interleave": {"group": "g", "arm": "b"}},
        "interleave",
    ),
    ("a deadline that is added", {}, {"deadlines": {"resetSeconds": 7}}, "deadlines"),
    ("a deadline that is removed", {"deadlines": {"resetSeconds": 7}}, {}, "deadlines"),
]


@pytest.mark.parametrize(("before", "after", "changed"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_is_refused_and_named(
    kubectl: Kubectl, namespace: str, before: dict[str, Any], after: dict[str, Any], changed: str
) -> None:
    kubectl.apply(campaign(namespace, **before))
    complaint = kubectl.apply_refused(campaign(namespace, **after))
    assert f"spec is immutable (changed here: {changed}): {IMMUTABLE}" in complaint
    assert kubectl.json("get", "ec", "asked", "-n", namespace)["metadata"]["generation"] == 1


def test_every_single_field_of_spec_but_the_controls_is_immutable(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    other: dict[str, Any] = {
        "subject": {"type": "other"},
        "chaos": {"type": "other"},
        "mode": "control",
        "agent": {"startSeconds": 1},
        "variant": {"name": "other"},
        "interleave": {"group": "g", "arm": "a"},
        "quietPeriod": {"maxSeconds": 20},
        "reset": "recreate",
        "deadlines": {"cleanupSeconds": 1},
        "dryRun": True,
        "allowQuorumLoss": True,
    }
    asked = CampaignSpec.model_fields.keys() - Controls.model_fields.keys()
    for field in (CampaignSpec.model_fields[name].alias or name for name in asked):
        patch = json.dumps({"spec": {field: other.get(field, 1)}})
        complaint = kubectl.refused("patch", "ec", "asked", "-n", namespace, "--type=merge", "-p", patch)
        assert f"(changed here: {field})" in complaint


def steer(namespace: str, **controls: Any) -> tuple[str, ...]:
    """The words that change these fields of spec; None takes a field away."""
    return "patch", "ec", "asked", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": controls})


def test_a_campaign_may_be_suspended_resumed_and_given_another_ttl_or_none(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    steps: list[dict[str, Any]] = [
        {"suspend": True},
        {"suspend": False},
        {"ttlSecondsAfterFinished": 60},
        {"ttlSecondsAfterFinished": None},
    ]
    for generation, controls in enumerate(steps, start=2):
        kubectl(*steer(namespace, **controls))
        found = kubectl.json("get", "ec", "asked", "-n", namespace)
        assert found["metadata"]["generation"] == generation
        assert all(found["spec"].get(name) == value for name, value in controls.items())


@pytest.mark.parametrize("back", [False, None], ids=["set to false", "taken away"])
def test_an_abort_cannot_be_taken_back(kubectl: Kubectl, namespace: str, back: bool | None) -> None:
    kubectl.apply(campaign(namespace))
    kubectl(*steer(namespace, abort=True))
    complaint = kubectl.refused(*steer(namespace, abort=back))
    assert "spec.abort: Invalid value" in complaint and "an abort cannot be taken back" in complaint
    kubectl(*steer(namespace, abort=True, suspend=True))


def test_a_question_changed_together_with_a_control_is_refused_and_named(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    complaint = kubectl.refused(*steer(namespace, suspend=True, trials=9))
    assert f"spec is immutable (changed here: trials): {IMMUTABLE}" in complaint


def test_saying_the_same_once_more_is_no_change(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace, trials=3))
    assert "unchanged" in kubectl.apply(campaign(namespace, trials=3))
    # Spelling out a default, or dropping a field that says what its default says, asks for nothing else.
    kubectl.apply(campaign(namespace, trials=3, settleSeconds=5))
    kubectl.apply(campaign(namespace, trials=3))


def test_labels_and_annotations_stay_free(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace))
    kubectl("label", "ec", "asked", "team=storage", "-n", namespace)
    kubectl("annotate", "ec", "asked", "ticket=42", "-n", namespace)
    assert kubectl.json("get", "ec", "asked", "-n", namespace)["metadata"]["labels"] == {"team": "storage"}
