"""A campaign that makes no sense never gets in, and whoever applied it is told why in words."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.apiserver.kubectl import Kubectl
from tests.apiserver.campaigns import campaign


def subject(**more: Any) -> dict[str, Any]:
    """A subject with these fields on top."""
    return {"type": "tikv", "namespace": "tikv"} | more


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "no trials at all",
        {"trials": 0},
        "spec.trials: Invalid value: 0: spec.trials in body should be greater than or equal to 1",
    ),
    (
        "more than ten thousand trials",
        {"trials": 10_001},
        "spec.trials: Invalid value: 10001: spec.trials in body should be less than or equal to 10000",
    ),
    (
        "a negative time",
        {"observeSeconds": -1},
        "spec.observeSeconds: Invalid value: -1: spec.observeSeconds in body should be greater than or equal to 1",
    ),
    (
        "a quiet period that is shorter at most than at least",
        {"quietPeriod": {"minSeconds": 9, "maxSeconds": 3}},
        'spec.quietPeriod.minSeconds: Invalid value: "object": must not be more than maxSeconds',
    ),
    (
        "a quiet period of more than an hour",
        {"quietPeriod": {"maxSeconds": 3601}},
        "spec.quietPeriod.maxSeconds in body should be less than or equal to 3600",
    ),
    (
        "a negative deadline of a step",
        {"deadlines": {"captureSeconds": -5}},
        "spec.deadlines.captureSeconds: Invalid value: -5: "
        "spec.deadlines.captureSeconds in body should be greater than or equal to 1",
    ),
    (
        "a limit in which no attempt could be watched to its end",
        {"observeSeconds": 60, "deadlines": {"attemptSeconds": 60}},
        "spec.deadlines.attemptSeconds: Invalid value",
    ),
    ("a ttl below zero", {"ttlSecondsAfterFinished": -1}, "should be greater than or equal to 0"),
    ("an abort in words", {"abort": "please"}, 'spec.abort in body must be of type boolean: "string"'),
    ("a time with a unit", {"settleSeconds": "5s"}, 'spec.settleSeconds in body must be of type integer: "string"'),
    ("half a trial", {"trials": 2.5}, 'spec.trials in body must be of type integer: "number"'),
    ("an unknown mode", {"mode": "agnet"}, 'spec.mode: Unsupported value: "agnet": supported values: "baseline"'),
    ("an agent that nobody looks at", {"mode": "agent"}, "the modes agent and control need agent.source"),
    ("a control likewise", {"mode": "control"}, "the modes agent and control need agent.source"),
    (
        "a file that is nowhere",
        {"mode": "agent", "agent": {"source": "operatorDb"}},
        "the source operatorDb needs agent.path: where the agent keeps its operator.db",
    ),
    (
        "a file for an agent that sends",
        {"mode": "agent", "agent": {"source": "http", "path": "/operator.db"}},
        "agent.path goes with the source operatorDb; the source here is http",
    ),
    ("half a Deployment", {"agent": {"workload": {"name": "a"}}}, "namespace and name go together"),
    (
        "a Deployment of an impossible name",
        {"agent": {"workload": {"name": "A_b", "namespace": "agents"}}},
        "must be the name of a Deployment",
    ),
    ("an arm of no experiment", {"interleave": {"arm": "a"}}, "group and arm go together"),
    ("an experiment without an arm", {"interleave": {"group": "g"}}, "group and arm go together"),
    (
        "an experiment of an impossible name",
        {"interleave": {"group": "A vs B", "arm": "a"}},
        "must be lower-case letters, digits and dashes, with a letter or a digit at both ends",
    ),
    (
        "an arm of an impossible name",
        {"interleave": {"group": "g", "arm": "a-"}},
        "spec.interleave.arm: Invalid value",
    ),
    (
        "an experiment with a name of 64 characters",
        {"interleave": {"group": "g" * 64, "arm": "a"}},
        "spec.interleave.group: Too long: may not be more than 63",
    ),
    ("a source of an impossible name", {"agent": {"source": "my mail"}}, "must be the name of a source, such as"),
    ("a source without a name", {"agent": {"source": ""}}, "must be the name of a source, such as"),
    (
        "an option of a source that is a list",
        {"agent": {"source": "mail", "sourceOptions": {"folders": ["a"]}}},
        "spec.agent.sourceOptions.folders",
    ),
    (
        "an option of a source that is a novel",
        {"agent": {"source": "mail", "sourceOptions": {"folder": "x" * 257}}},
        "spec.agent.sourceOptions.folder: Too long: may not be more than 256",
    ),
    (
        "more options than a source may have",
        {"agent": {"source": "mail", "sourceOptions": {f"o{number}": 1 for number in range(17)}}},
        "spec.agent.sourceOptions: Too many: 17: must have at most 16 items",
    ),
    ("a tool that is no text", {"variant": {"tools": [1]}}, "spec.variant.tools[0] in body must be of type string"),
    ("a misspelt field", {"trails": 3}, 'strict decoding error: unknown field "spec.trails"'),
    (
        "a misspelt field further down",
        {"deadlines": {"resetSecs": 3}},
        'strict decoding error: unknown field "spec.deadlines.resetSecs"',
    ),
    ("no subject", {"subject": None}, "spec.subject: Required value"),
    ("a subject that lives nowhere", {"subject": {"type": "etcd"}}, "spec.subject.namespace: Required value"),
    ("no chaos", {"chaos": None}, "spec.chaos: Required value"),
    ("chaos without a type", {"chaos": {"type": ""}}, "spec.chaos.type in body should be at least 1 chars long"),
    (
        "a namespace that cannot exist",
        {"subject": {"type": "etcd", "namespace": "Prod_1"}},
        '"Prod_1" cannot be the name of a namespace: lower-case letters, digits and dashes,'
        " with a letter or a digit at both ends",
    ),
    ("an unknown probe", {"subject": subject(probe="read")}, 'supported values: "none", "write"'),
    ("an unknown reset", {"reset": "reboot"}, 'spec.reset: Unsupported value: "reboot": supported values: "heal", '),
    (
        "too many selectors",
        {"subject": subject(selectors={f"role-{n}": "app=x" for n in range(9)})},
        "spec.subject.selectors: Too many: 9: must have at most 8 items",
    ),
    (
        "a selector of everything",
        {"subject": subject(selectors={"tikv": " "})},
        "an empty label selector would select everything; write one such as app=tikv",
    ),
    (
        "a selector without a role",
        {"subject": subject(selectors={"": "app=tikv"})},
        "the name of a role must have between 1 and 63 characters",
    ),
    (
        "too many endpoints",
        {"subject": subject(endpoints=[f"http://pd-{n}:2379" for n in range(17)])},
        "spec.subject.endpoints: Too many: 17: must have at most 16 items",
    ),
    (
        "an endpoint of 301 characters",
        {"subject": subject(endpoints=[f"http://{'p' * 289}:2379"])},
        "spec.subject.endpoints[0]: Too long: may not be more than 300",
    ),
    (
        "a Secret that cannot exist",
        {"subject": subject(tlsSecret="tikv..client")},
        '"tikv..client" cannot be the name of a Secret: lower-case letters, digits, dashes and dots, with',
    ),
    (
        "a boolean for a parameter",
        {"chaos": {"type": "node_kill", "params": {"force": True}}},
        'spec.chaos.params.force in body must be of type integer,string: "boolean"',
    ),
    (
        "too many parameters",
        {"chaos": {"type": "node_kill", "params": {f"p{n}": n for n in range(17)}}},
        "spec.chaos.params: Too many: 17: must have at most 16 items",
    ),
    (
        "a parameter of 257 characters",
        {"chaos": {"type": "node_kill", "params": {"note": "n" * 257}}},
        "spec.chaos.params.note: Too long: may not be more than 256",
    ),
    (
        "a parameter without a name",
        {"chaos": {"type": "node_kill", "params": {"": 1}}},
        "the name of a parameter must have between 1 and 63 characters",
    ),
    (
        "a parameter with a name of 64 characters",
        {"chaos": {"type": "node_kill", "params": {"p" * 64: 1}}},
        "the name of a parameter must have between 1 and 63 characters",
    ),
    (
        "a seed that a float cannot hold",
        {"seed": 2**53},
        "spec.seed in body should be less than or equal to 9007199254740991",
    ),
    ("a seed beyond all integers", {"seed": 10**30}, "spec.seed in body should be less than or equal to"),
]


@pytest.mark.parametrize(("spec", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_with_a_sentence(kubectl: Kubectl, crd: None, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in kubectl.apply_refused(campaign("default", name="refused", **spec))


NO_ENDPOINTS = [
    "pd-0:2379",
    "http://pd-0",
    "http://pd-0:2379/",
    "http://pd-0:2379/pd/api/v1",
    "http://pd-0:2379?x",
    "http://user:secret@pd-0:2379",
    "ftp://pd-0:2379",
    "HTTP://pd-0:2379",
    "http://:2379",
    "http://pd 0:2379",
    "http://pd-0:0",
    "http://pd-0:65536",
    "http://pd-0:2379,http://pd-1:2379",
    "",
]


def test_each_that_is_no_endpoint_is_named_with_what_one_looks_like(kubectl: Kubectl, crd: None) -> None:
    complaint = kubectl.apply_refused(campaign("default", name="refused", subject=subject(endpoints=NO_ENDPOINTS)))
    for number, endpoint in enumerate(NO_ENDPOINTS):
        place = (
            f'spec.subject.endpoints[{number}]: Invalid value: "string": "{endpoint}" is not an endpoint: http:// or'
        )
        assert place in complaint
    assert complaint.count("such as http://pd-0.pd-peer:2379") == len(NO_ENDPOINTS)


def test_a_campaign_without_a_spec_is_refused(kubectl: Kubectl, namespace: str) -> None:
    empty = {key: value for key, value in campaign(namespace).items() if key != "spec"}
    assert "spec: Required value" in kubectl.apply_refused(empty)


def test_a_name_that_no_label_could_hold_is_refused_and_the_longest_that_fits_is_taken(
    kubectl: Kubectl, namespace: str
) -> None:
    complaint = kubectl.apply_refused(campaign(namespace, name="n" * 64))
    assert "metadata.name: Invalid value" in complaint
    assert "must have at most 63 characters, so that it fits into a label value" in complaint
    assert "created" in kubectl.apply(campaign(namespace, name="n" * 63))


ODD: list[tuple[str, dict[str, Any]]] = [
    ("parameters in any script", {"chaos": {"type": "node_kill", "params": {"größe": "大きい 🔥", "n": -(2**62)}}}),
    ("the largest seed", {"seed": 2**53 - 1}),
    ("a parameter of 256 characters that take 768 bytes", {"chaos": {"type": "x", "params": {"note": "大" * 256}}}),
    (
        "endpoints of every kind",
        {
            "subject": subject(
                probe="write",
                selectors={"pd": "app in (pd, pd2),!canary", "tikv": "tikv"},
                endpoints=["http://10.0.0.7:1", "https://[fd00::1:2]:65535", "http://PD-0.pd-peer.tikv.svc:2379"],
                tlsSecret="tikv.client-2",
            )
        },
    ),
    ("aborted and suspended from the beginning", {"abort": True, "suspend": True, "ttlSecondsAfterFinished": 0}),
    ("an empty text for a parameter", {"chaos": {"type": "node_kill", "params": {"note": ""}}}),
]


@pytest.mark.parametrize("spec", [case[1] for case in ODD], ids=[case[0] for case in ODD])
def test_odd_but_right_is_taken_and_comes_back_unchanged(
    kubectl: Kubectl, namespace: str, spec: dict[str, Any]
) -> None:
    kubectl.apply(campaign(namespace, **spec))
    stored = kubectl.json("get", "ec", "asked", "-n", namespace)["spec"]
    assert {field: stored[field] for field in spec} == spec


def test_a_limit_that_leaves_a_second_more_than_the_watch_is_taken(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(campaign(namespace, observeSeconds=60, deadlines={"attemptSeconds": 61}))
