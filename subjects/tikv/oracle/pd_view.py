"""PD as its members answer: who they are, who leads, and the leader's view of stores and regions. Pure.

Three kinds of silence are kept apart. A member of PD that is missing, not Ready or silent while others answer is the
subject's trouble. Where no member answers us while Kubernetes calls all of them Ready, our own view is lost. Answers
that cannot be read are neither: their content stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from subjects.cluster import Pod
from subjects.pods import member_names, pod_problems
from subjects.protocol import Problem
from subjects.tikv.members.queries import (
    CLUSTER,
    CLUSTER_STATUS,
    HEALTH,
    MEMBERS,
    PD,
    PING,
    REGIONS,
    STORES,
    TikvQuery,
)
from subjects.tikv.members.schemas import (
    ClusterInfo,
    ClusterStatus,
    MemberHealthList,
    MemberList,
    Regions,
    Stores,
    refusal,
)
from subjects.tikv.oracle.observations import M, TikvObservations
from subjects.watching.polling import QueryResult


@dataclass(slots=True)
class PdView:
    """What is known of PD.

    `trouble` is certain; `unknown` is what is not known (yet). `unreachable` says why nothing of PD can be seen; None
    where something can. `replicas` is how many each region should have.
    """

    trouble: list[Problem] = field(default_factory=list)
    unknown: list[Problem] = field(default_factory=list)
    unreachable: str | None = None
    stores: Stores | None = None
    regions: Regions | None = None
    replicas: int | None = None


def view_pd(observations: TikvObservations) -> PdView:
    """Returns the view that PD's pods and answers give."""
    view = PdView(list(pod_problems(observations.topology.pd, observations.pods[PD], observations.images)))
    present = observations.present(PD)
    if not view.trouble and not any(_answered(observations, pod) for pod in present.values()):
        view.unreachable = ", ".join(sorted({_last_error(observations, pod) for pod in present.values()}))
        return view
    for name, pod in present.items():
        _add_member(view, name, observations.result(pod, PING))
    members = _read_members(view, observations, present)
    if members is None:
        return view
    view.trouble += _membership_problems(observations, members)
    view.stores = _read(view, observations, STORES, Stores, "its stores")
    view.regions = _read(view, observations, REGIONS, Regions, "its regions")
    if (cluster := _read(view, observations, CLUSTER, ClusterInfo, "what it is")) is not None:
        view.replicas = cluster.max_peer_count
    status = _read(view, observations, CLUSTER_STATUS, ClusterStatus, "whether it is initialized")
    if status is not None and not status.is_initialized:
        view.trouble.append(Problem("NotInitialized", "PD calls the cluster not initialized"))
    if (health := _read(view, observations, HEALTH, MemberHealthList, "its members' health")) is not None:
        view.trouble += _health_problems(view, health)
    return view


def _answered(observations: TikvObservations, pod: Pod) -> bool:
    return any(result.answer is not None for result in observations.results(pod.uid).values())


def _last_error(observations: TikvObservations, pod: Pod) -> str:
    results = sorted(observations.results(pod.uid).values(), key=lambda result: result.sent_at)
    return results[-1].error if results else "no answer yet"


def _add_member(view: PdView, name: str, ping: QueryResult | None) -> None:
    if ping is None:
        view.unknown.append(Problem("PDUnseen", f"{name} has not answered yet", name))
    elif ping.answer is None:
        view.trouble.append(Problem("PDSilent", f"{name} does not answer: {ping.error}", name))
    elif ping.answer.status >= 500:
        view.trouble.append(Problem("PDUnhealthy", f"{name} is not healthy: {refusal(ping.answer)}", name))


def _read_members(view: PdView, observations: TikvObservations, present: dict[str, Pod]) -> MemberList | None:
    """Returns PD's latest list of members; None, with a problem, while no member lists them or knows a leader."""
    results = [result for pod in present.values() if (result := observations.result(pod, MEMBERS)) is not None]
    values = [(result.sent_at, observations.value(MemberList, result)) for result in results]
    led = [(sent_at, value) for sent_at, value in values if isinstance(value, MemberList) and value.leader is not None]
    if led:
        return max(led, key=lambda each: each[0])[1]
    if len(results) < len(present) or not present:
        view.unknown.append(Problem("PDLeaderUnseen", "no member of PD has named a leader yet"))
    elif any(_is_unreadable(result, value) for result, (_, value) in zip(results, values, strict=True)):
        why = sorted({value for _, value in values if isinstance(value, str)})
        view.unknown.append(Problem("PDUnread", f"PD's list of members cannot be read: {'; '.join(why)}"))
    else:
        view.trouble.append(Problem("PDLeaderless", "no member of PD knows a leader"))
    return None


def _is_unreadable(result: QueryResult, value: object) -> bool:
    """Returns whether an answer leaves open if there is a leader."""
    return isinstance(value, str) and result.answer is not None and result.answer.status < 500


def _read(view: PdView, observations: TikvObservations, query: TikvQuery, model: type[M], what: str) -> M | None:
    """Returns the leader's latest answer. A refusal by PD (5xx) is its trouble; any other missing answer is unknown."""
    result = observations.latest_of_pd(query)
    if result is None:
        view.unknown.append(Problem("PDAwaited", f"PD has not told {what} yet"))
        return None
    value = observations.value(model, result)
    if not isinstance(value, str):
        return value
    refused = result.answer is not None and result.answer.status >= 500
    problem = Problem("PDRefuses" if refused else "PDUnread", f"PD does not tell {what}: {value}")
    (view.trouble if refused else view.unknown).append(problem)
    return None


def _membership_problems(observations: TikvObservations, members: MemberList) -> Iterator[Problem]:
    expected = set(member_names(observations.topology.pd))
    listed = {member.pod for member in members.members}
    if listed != expected:
        yield Problem("PDMembershipDiffers", f"PD lists the members {', '.join(sorted(listed)) or '(none)'}")
    if observations.cluster_id is not None and members.header.cluster_id != observations.cluster_id:
        yield Problem(
            "ClusterReplaced",
            f"PD is another cluster than at the beginning: {members.header.cluster_id}, not {observations.cluster_id}",
        )


def _health_problems(view: PdView, health: MemberHealthList) -> Iterator[Problem]:
    blamed = {problem.member for problem in view.trouble}
    for member in health.root:
        if not member.health and member.pod not in blamed:
            yield Problem("PDUnreached", f"PD's leader does not reach {member.pod}", member.pod)
