"""The judgement, condition by condition: what is seen, what is said."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from subjects.cluster import Answer, Pod, Workload
from subjects.etcd.api import EtcdQuery
from subjects.etcd.oracle import EtcdObservations, assess
from subjects.protocol import Verdict
from subjects.watching.polling import QueryResult
from tests.unit.subjects.fakes import HEADER, IMAGE, NAMES, members_of, status_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
WORKLOAD = Workload("etcd", 3, {"etcd": IMAGE})
PODS = {name: Pod(name, f"uid-{name}", True, False, "10.0.0.1", {"etcd": IMAGE}) for name in NAMES}
IMAGES = {pod.uid: pod.images for pod in PODS.values()}
SILENCE = QueryResult(0.0, None, "connection refused")

Seen = dict[str, dict[EtcdQuery, QueryResult]]


def result(answer: Answer) -> QueryResult:
    return QueryResult(0.0, answer)


def healthy() -> Seen:
    return {
        name: {
            EtcdQuery.HEALTH: result(Answer(200, {"health": "true"})),
            EtcdQuery.STATUS: result(status_of(name, "etcd-0")),
            EtcdQuery.MEMBERS: result(members_of(NAMES)),
            EtcdQuery.WRITE: result(Answer(200, {"header": HEADER})),
        }
        for name in NAMES
    }


def silent(seen: Seen, *names: str) -> Seen:
    return seen | {name: dict.fromkeys(EtcdQuery, SILENCE) for name in names}


def judged(seen: Seen, pods: Mapping[str, Pod] = PODS) -> Verdict:
    by_uid = {PODS[name].uid: results for name, results in seen.items()}
    return assess(AT, EtcdObservations(WORKLOAD, pods, lambda uid: by_uid.get(uid, {}), IMAGES))


def reasons(verdict: Verdict) -> set[tuple[str, str | None]]:
    return {(problem.reason, problem.member) for problem in verdict.problems}


def with_pod(name: str, **change: Any) -> dict[str, Pod]:
    return PODS | {name: replace(PODS[name], **change)}


def test_three_healthy_members_with_their_pods_are_healthy() -> None:
    uids = {name: f"uid-{name}" for name in NAMES}
    assert judged(healthy()) == Verdict(AT, serving=True, healthy=True, problems=(), members=uids)


@pytest.mark.parametrize(
    ("query", "answer", "reason"),
    [
        (EtcdQuery.HEALTH, Answer(503, {"health": "false", "reason": "ALARM NOSPACE"}), "MemberUnhealthy"),
        (EtcdQuery.HEALTH, None, "MemberUnhealthy"),
        (EtcdQuery.STATUS, status_of("etcd-1", "etcd-0", errors=["NOSPACE"]), "MemberErrors"),
        (EtcdQuery.STATUS, status_of("etcd-1", "etcd-0", isLearner=True), "MemberIsLearner"),
        (EtcdQuery.STATUS, status_of("etcd-1", None), "MemberLeaderless"),
        (EtcdQuery.STATUS, Answer(500, None), "MemberStatusUnread"),
        (EtcdQuery.STATUS, None, "MemberStatusUnread"),
        (EtcdQuery.MEMBERS, members_of(["etcd-0", "etcd-1"]), "MembershipDiffers"),
        (EtcdQuery.MEMBERS, members_of([*NAMES, "etcd-3"]), "MembershipDiffers"),
        (EtcdQuery.MEMBERS, members_of(["etcd-0", "etcd-1", ""]), "MembershipDiffers"),
        (EtcdQuery.MEMBERS, None, "MembershipUnread"),
    ],
)
def test_one_unmet_condition_of_one_member_is_told_and_others_still_serve(
    query: EtcdQuery, answer: Answer | None, reason: str
) -> None:
    seen = healthy()
    seen["etcd-1"][query] = SILENCE if answer is None else result(answer)
    verdict = judged(seen)
    assert (verdict.serving, verdict.healthy) == (True, False)
    assert reasons(verdict) == {(reason, "etcd-1")}


def test_members_that_name_different_leaders_are_not_healthy() -> None:
    seen = healthy()
    seen["etcd-2"][EtcdQuery.STATUS] = result(status_of("etcd-2", "etcd-1"))
    assert reasons(judged(seen)) == {("LeaderDisputed", None)}


def test_a_write_that_goes_through_any_member_is_service() -> None:
    seen = healthy()
    for name in ("etcd-0", "etcd-1"):
        seen[name][EtcdQuery.WRITE] = SILENCE
    assert judged(seen).serving is True


def test_no_write_through_any_member_is_no_service_though_all_say_they_are_healthy() -> None:
    seen = healthy()
    for name in NAMES:
        seen[name][EtcdQuery.WRITE] = result(Answer(429, {"message": "etcdserver: mvcc: database space exceeded"}))
    verdict = judged(seen)
    assert (verdict.serving, verdict.healthy) == (False, False)
    assert verdict.message == "no write goes through: etcdserver: mvcc: database space exceeded"


def test_no_leader_is_no_service_even_if_the_newest_write_still_got_through() -> None:
    seen = healthy()
    for name in NAMES:
        seen[name][EtcdQuery.STATUS] = result(status_of(name, None))
    verdict = judged(seen)
    assert verdict.serving is False
    assert ("NoLeader", None) in reasons(verdict)
    assert ("MemberErrors", "etcd-0") not in reasons(verdict)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ready": False}, "PodNotReady"),
        ({"deleting": True}, "PodTerminating"),
        ({"images": {"etcd": "pause"}}, "PodImageDiffers"),
    ],
)
def test_a_pod_with_a_problem_is_not_healthy_even_while_its_member_answers(change: dict[str, Any], reason: str) -> None:
    verdict = judged(healthy(), with_pod("etcd-2", **change))
    assert (verdict.serving, verdict.healthy, reasons(verdict)) == (True, False, {(reason, "etcd-2")})


def test_a_missing_pod_is_not_healthy_and_not_among_the_members() -> None:
    pods = {name: pod for name, pod in PODS.items() if name != "etcd-2"}
    verdict = judged(healthy(), pods)
    assert (verdict.serving, verdict.healthy, reasons(verdict)) == (True, False, {("PodMissing", "etcd-2")})
    assert set(verdict.members) == {"etcd-0", "etcd-1"}


def test_without_any_pod_nothing_is_served_and_that_is_known() -> None:
    verdict = judged({}, {})
    assert (verdict.serving, verdict.healthy) == (False, False)
    assert ("PodMissing", "etcd-0") in reasons(verdict)


def test_one_silent_member_among_ready_pods_is_its_own_trouble() -> None:
    verdict = judged(silent(healthy(), "etcd-2"))
    assert (verdict.serving, verdict.healthy, reasons(verdict)) == (True, False, {("MemberSilent", "etcd-2")})
    assert verdict.message == "etcd-2 does not answer: connection refused"


def test_a_member_that_has_yet_to_answer_since_its_pod_changed_is_not_known_to_be_healthy() -> None:
    seen = healthy()
    del seen["etcd-2"]
    verdict = judged(seen)
    assert (verdict.serving, verdict.healthy, reasons(verdict)) == (True, None, {("MemberUnseen", "etcd-2")})


@pytest.mark.parametrize("answered", range(1, 12))
def test_while_the_first_answers_of_a_healthy_etcd_come_in_no_trouble_is_claimed(answered: int) -> None:
    arriving = [(name, query) for name in NAMES for query in EtcdQuery][:answered]
    seen = {name: {q: r for q, r in held.items() if (name, q) in arriving} for name, held in healthy().items()}
    verdict = judged(seen)
    assert verdict.serving is not False
    assert verdict.healthy is None


def test_trouble_that_is_seen_is_claimed_whatever_is_still_on_its_way() -> None:
    seen = healthy()
    del seen["etcd-2"]
    seen["etcd-1"][EtcdQuery.HEALTH] = result(Answer(503, {"health": "false", "reason": "ALARM CORRUPT"}))
    assert judged(seen).healthy is False


def test_while_a_pod_is_missing_what_ready_members_owe_leaves_service_open() -> None:
    pods = {name: pod for name, pod in PODS.items() if name != "etcd-2"}
    verdict = judged({}, pods)
    assert (verdict.serving, verdict.healthy) == (None, False)


def test_a_ready_pod_without_an_address_is_never_healthy() -> None:
    seen = healthy()
    del seen["etcd-2"]
    assert judged(seen, with_pod("etcd-2", ip=None)).healthy is not True


def test_all_members_silent_while_all_pods_are_ready_is_unknown() -> None:
    verdict = judged(silent(healthy(), *NAMES))
    assert (verdict.serving, verdict.healthy, verdict.known) == (None, None, False)
    assert reasons(verdict) == {("MembersUnseen", None)}


def test_all_members_silent_while_one_pod_is_not_ready_is_unhealthy() -> None:
    verdict = judged(silent(healthy(), *NAMES), with_pod("etcd-1", ready=False))
    assert (verdict.serving, verdict.healthy) == (False, False)


def test_any_http_answer_however_bad_shows_that_our_sight_is_good() -> None:
    seen = silent(healthy(), *NAMES)
    seen["etcd-0"][EtcdQuery.HEALTH] = result(Answer(503, {"health": "false", "reason": "RAFT NO LEADER"}))
    assert judged(seen).healthy is False
