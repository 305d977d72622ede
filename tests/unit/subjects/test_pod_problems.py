from dataclasses import replace
from typing import Any

import pytest

from subjects.cluster import Pod, Workload
from subjects.pods import images_differ, member_names, pod_problems

WORKLOAD = Workload("db", 2, {"db": "db:1"})


def pod(name: str) -> Pod:
    return Pod(name, f"uid-of-{name}", True, False, "10.0.0.1", {"db": "db:1"})


PODS = {"db-0": pod("db-0"), "db-1": pod("db-1")}
KNOWN = {pod.uid: pod.images for pod in PODS.values()}


def test_member_names_follow_the_ordinals_also_beyond_nine() -> None:
    assert member_names(Workload("db", 11, {}))[-2:] == ("db-9", "db-10")


def test_pods_as_their_workload_wants_them_have_no_problem() -> None:
    assert pod_problems(WORKLOAD, PODS) == ()


def test_a_pod_more_than_expected_is_no_problem() -> None:
    assert pod_problems(WORKLOAD, PODS | {"db-2": replace(pod("db-2"), ready=False)}) == ()


def test_a_missing_pod_has_its_reason() -> None:
    (problem,) = pod_problems(WORKLOAD, {"db-0": PODS["db-0"]})
    assert (problem.reason, problem.member, problem.message) == ("PodMissing", "db-1", "db-1 has no pod")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ready": False}, "PodNotReady"),
        ({"deleting": True}, "PodTerminating"),
        ({"images": {"db": "pause:1"}}, "PodImageDiffers"),
    ],
)
def test_each_unmet_condition_of_a_pod_has_its_reason(change: dict[str, Any], reason: str) -> None:
    (problem,) = pod_problems(WORKLOAD, PODS | {"db-1": replace(PODS["db-1"], **change)}, KNOWN)
    assert (problem.reason, problem.member) == (reason, "db-1")


def test_all_unmet_conditions_are_told_not_only_the_first() -> None:
    broken = replace(PODS["db-0"], ready=False, deleting=True)
    assert [problem.reason for problem in pod_problems(WORKLOAD, {"db-0": broken})] == [
        "PodTerminating",
        "PodNotReady",
        "PodMissing",
    ]


def test_an_image_that_is_not_the_templates_is_no_problem_as_long_as_it_stays() -> None:
    mirrored = {name: replace(pod, images={"db": "mirror/db@sha256:1"}) for name, pod in PODS.items()}
    known = {pod.uid: pod.images for pod in mirrored.values()}
    assert pod_problems(WORKLOAD, mirrored, known) == pod_problems(WORKLOAD, mirrored) == ()


def test_a_sidecar_that_a_webhook_added_is_not_another_image() -> None:
    assert not images_differ(replace(PODS["db-0"], images={"proxy": "proxy:1", "db": "db:1"}), {"db": "db:1"})
