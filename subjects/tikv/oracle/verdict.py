"""The judgement: from what was seen of pods, PD and stores to serving, healthy and every unmet condition. Pure.

*Serving*: clients are served, region by region (`service`). While PD has no leader, clients go on with what they know:
then nobody but a writing client can say whether they are served, and without one it is unknown.

*Healthy*: serving, and full redundancy: every pod present, staying, Ready and with the image that it had; PD with a
leader and exactly the expected members, reachable, still the same cluster; exactly one store `Up`, heard of lately, on
every expected address; every region confirmed by its leader, with all its voters, none of them pending, down or still
learning.

*Unknown* is only what our own sight lost: the API server; or all of PD over HTTP, while Kubernetes calls all its pods
Ready; or answers that cannot be read; and, for an instant, answers that are still on their way. A member of PD that is
missing or not Ready is the subject's trouble: else an agent that destroys PD would leave the denominator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from subjects.pods import pod_problems
from subjects.protocol import Problem, Verdict
from subjects.tikv.members.queries import ROLES, TIKV
from subjects.tikv.oracle.observations import Observations
from subjects.tikv.oracle.pd_view import PdView, view_pd
from subjects.tikv.oracle.redundancy import peer_problems, silent_stores, store_problems, unseen_stores
from subjects.tikv.oracle.service import Tally, confirmed, written


def assess(at: datetime, observations: Observations) -> Verdict:
    """The verdict on what is known; the pods must have been seen."""
    pd = view_pd(observations)
    leaders = _leaders(observations, pd)
    service = leaders if observations.writes is None else written(observations)
    serving = None if service is None else service.verdict
    trouble = [
        *([problem] if service is not leaders and service and (problem := _write_problem(service)) else ()),
        *([problem] if leaders and (problem := _leader_problem(leaders)) else ()),
        *pd.trouble,
        *_store_trouble(observations, pd),
    ]
    unknown = [
        *([Problem("PDUnseen", f"no member of PD answers us: {pd.lost}")] if pd.lost is not None else ()),
        *pd.open,
        *unseen_stores(observations),
        *(_open_service(service) if service is not None else ()),
    ]
    healthy = False if trouble else None if unknown or serving is None else True
    since = (
        None if service is None or service.since is None else at - timedelta(seconds=observations.clock - service.since)
    )
    return Verdict(at, serving, healthy, tuple(trouble + unknown), _uids(observations), unserved_since=since)


def _leaders(observations: Observations, pd: PdView) -> Tally | None:
    """What the leaders say for themselves; None while PD does not say whom to ask."""
    if pd.stores is None or pd.regions is None:
        return None
    return confirmed(observations, pd.stores, pd.regions.by_id())


def _leader_problem(leaders: Tally) -> Problem | None:
    return leaders.problem("RegionsUnled", "have no confirmed leader")


def _write_problem(writes: Tally) -> Problem | None:
    return writes.problem("WritesFail", "take no write")


def _open_service(service: Tally) -> tuple[Problem, ...]:
    if not service.open:
        return ()
    why = "; ".join(sorted(set(service.open.values()))[:3])
    return (Problem("ServiceUnseen", f"of {len(service.open)} regions it is not known whether they serve: {why}"),)


def _store_trouble(observations: Observations, pd: PdView) -> list[Problem]:
    found = list(pod_problems(observations.topology.tikv, observations.pods[TIKV], observations.images))
    found += [
        Problem("StoreSilent", f"{name} does not answer: {result.error}", name)
        for name, result in silent_stores(observations).items()
    ]
    if pd.stores is not None:
        found += store_problems(observations, pd.stores)
    if pd.regions is not None:
        found += peer_problems(pd.regions.by_id(), pd.replicas)
    return found


def _uids(observations: Observations) -> Mapping[str, str]:
    return {name: pod.uid for role in ROLES for name, pod in observations.present(role).items()}
