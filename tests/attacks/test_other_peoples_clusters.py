"""Clusters as other people have them: nothing in them is changed but the targets of a plan, and never a majority.

Four ordinary ones, in which a pod's image is not its StatefulSet's: a webhook rewrites images, and a rollout is held
back by `OnDelete`, by a partition, or is under way. Each bears a whole campaign's attempts here: reset, a look at its
health, a fault, its undoing.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, get_type_hints

import pytest

from bench.quick import QuickSpec
from controller.campaign.services import Services
from controller.kube import KubeCluster
from subjects.cluster import ChangeRequests, Cluster, ClusterError, Pod, ReadRequests, Workload
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings
from subjects.faults.pod_down import is_swapped
from subjects.guard import GuardedCluster, majority_lost
from subjects.permits import InjectPermit, RecreatePermit, RevertPermit, Voters
from subjects.protocol import ChaosRefused, EvalSubject, Fault, SubjectContext, SubjectError, Target
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.options import check
from subjects.tikv.members.pd import Pd
from tests.unit.subjects import tikv_fakes
from tests.unit.subjects.fakes import IMAGE, NAMES, FakeCluster
from tests.unit.subjects.tikv_fakes import FakeTikv

REPO = Path(__file__).parents[2]
PACE = EtcdPollSettings(period=0.005, timeout=5.0, write_timeout=5.0)
MIRROR = "mirror.example/proxy"
NEXT = "etcd:3.7"
SERVICES = "v1/services"
POLICIES = "networking.k8s.io/v1/networkpolicies"


def mirrored(image: str) -> str:
    """What a webhook makes of an image: the mirror's, pinned by digest."""
    name = image.rpartition("/")[2].partition(":")[0]
    return image if image.startswith(MIRROR) else f"{MIRROR}/{name}@sha256:{len(image):064x}"


class OthersCluster(FakeCluster):
    """An etcd whose pods are not as its template says. `admit` is what the API server makes of a pod's images."""

    def __init__(
        self,
        template: str = IMAGE,
        admit: Callable[[str, str], Mapping[str, str]] = lambda name, image: {"etcd": image},
    ) -> None:
        self.admit = admit
        self.least_working = len(NAMES)
        self.working_images = {IMAGE, NEXT, mirrored(IMAGE), mirrored(NEXT)}
        super().__init__()
        self.workload = Workload("etcd", 3, {"etcd": template})

    def new_pod(self, name: str, ready: bool = True) -> Pod:
        template = self.workload.images["etcd"] if self.workload is not None else IMAGE
        return replace(super().new_pod(name, ready), images=self.admit(name, template))

    def runs(self, name: str) -> bool:
        return name in self.pods and self.pods[name].images["etcd"] in self.working_images

    def tell(self) -> None:
        working = [name for name in NAMES if self.runs(name) and not self.pods[name].deleting and self.pods[name].ready]
        self.least_working = min(self.least_working, len(working))
        super().tell()

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        await super().patch_pod(namespace, name, operations)
        images = {c: self.admit(name, i)[c] if c == "etcd" else i for c, i in self.pods[name].images.items()}
        self.change(name, images=images)

    def changes(self) -> list[tuple[str, str]]:
        return [(call[0], call[1]) for call in self.calls if call[0] in CHANGING]


def webhook() -> OthersCluster:
    return OthersCluster(admit=lambda name, image: {"sidecar": "mesh:1", "etcd": mirrored(image)})


def on_delete() -> OthersCluster:
    """The template was changed, and no pod was deleted since: a new one gets the new image."""
    cluster = OthersCluster()
    cluster.workload = Workload("etcd", 3, {"etcd": NEXT})
    return cluster


def partition() -> OthersCluster:
    """Pods below the partition keep the old revision, also when they are made anew."""
    cluster = OthersCluster(admit=lambda name, image: {"etcd": IMAGE if image == NEXT and name != "etcd-2" else image})
    cluster.workload = Workload("etcd", 3, {"etcd": NEXT})
    cluster.pods["etcd-2"] = cluster.new_pod("etcd-2")
    return cluster


def rollout() -> OthersCluster:
    """The highest ordinal has the new revision; the owner goes on when he likes."""
    cluster = on_delete()
    cluster.pods["etcd-2"] = cluster.new_pod("etcd-2")
    return cluster


CLUSTERS = (webhook, on_delete, partition, rollout)
CHANGING = {name for name, method in vars(ChangeRequests).items() if inspect.iscoroutinefunction(method)}


async def attempt(subject: EvalSubject, chaos: str, seed: int) -> Fault:
    """What the engine does with a subject in one attempt."""
    await subject.reset()
    await subject.wait_healthy(0.02, lambda verdict: None)
    watch = subject.watch_health()
    try:
        async for verdict in watch:
            if verdict.healthy:
                break
        fault = await subject.plan_chaos(chaos, subject.get_chaos_types()[chaos].params(), Random(seed))
        await subject.inject_chaos(fault)
        if chaos == "node_down":
            async for verdict in watch:
                if any(p.reason == "PodImageDiffers" and p.member == fault.targets[0].name for p in verdict.problems):
                    break
        else:
            async for verdict in watch:
                if verdict.healthy and verdict.members[fault.targets[0].name] != fault.targets[0].uid:
                    break
    finally:
        await watch.aclose()
    await subject.cleanup_chaos(Fault.from_json(fault.to_json()))
    return fault


# A whole campaign ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", CLUSTERS)
async def test_a_campaign_changes_nothing_but_its_targets_and_never_takes_a_majority(make: Any) -> None:
    cluster = make()
    subject = EtcdSubject(cluster.context(), PACE)
    expected: list[tuple[str, str]] = []
    async with asyncio.timeout(120):
        for seed, chaos in enumerate(["node_kill", "node_down", "node_kill", "node_down"]):
            fault = await attempt(subject, chaos, seed)
            expected += [("patch_pod", fault.targets[0].name)] * (chaos == "node_down") + [
                ("delete_pod", fault.targets[0].name)
            ]
    assert cluster.changes() == expected
    assert cluster.least_working == 2


@pytest.mark.parametrize("make", CLUSTERS)
async def test_resets_of_a_healthy_cluster_delete_nothing_however_many_there_are(make: Any) -> None:
    cluster = make()
    before = dict(cluster.pods)
    async with asyncio.timeout(120):
        for _ in range(3):
            subject = EtcdSubject(cluster.context(), PACE)  # as after a restart, each time
            await subject.reset()
            await subject.wait_healthy(0.02, lambda verdict: None)
    assert cluster.changes() == []
    assert cluster.pods == before


@pytest.mark.parametrize("tier", ["pd", "tikv"])
async def test_resets_of_a_tikv_with_a_held_back_rollout_delete_nothing(tier: Any) -> None:
    cluster = FakeTikv()
    cluster.workloads[tier] = replace(cluster.workloads[tier], images={tier: f"{tier}:9.0"})
    cluster.as_template = lambda name: name in cluster.pods  # type: ignore[method-assign]  # both revisions work
    before = {name: pod.uid for name, pod in cluster.pods.items()}
    subject = tikv_fakes.subject_in(cluster)
    async with asyncio.timeout(120):
        for _ in range(3):
            await subject.reset()
            await subject.wait_healthy(0.01, lambda verdict: None)
    assert [call for call in cluster.calls if call[0] in CHANGING] == []
    assert {name: pod.uid for name, pod in cluster.pods.items()} == before


async def test_an_owner_who_rolls_out_between_two_attempts_is_neither_hurried_nor_undone() -> None:
    cluster = OthersCluster()
    subject = EtcdSubject(cluster.context(), PACE)
    async with asyncio.timeout(120):
        first = await attempt(subject, "node_down", 1)
        cluster.workload = Workload("etcd", 3, {"etcd": NEXT})
        for name in reversed(NAMES):
            cluster.appear(name)
        before = dict(cluster.pods)
        await subject.reset()
        await subject.wait_healthy(0.02, lambda verdict: None)
        assert cluster.pods == before
        second = await attempt(subject, "node_down", 2)
    assert cluster.changes() == [
        (method, fault.targets[0].name) for fault in (first, second) for method in ("patch_pod", "delete_pod")
    ]
    assert all(pod.images == {"etcd": NEXT} for pod in cluster.pods.values())


async def test_a_pod_that_its_owner_mends_in_place_before_an_attempt_is_learnt_as_he_left_it() -> None:
    cluster = OthersCluster()
    cluster.change("etcd-1", images={"etcd": mirrored(NEXT)}, ready=False)  # whoever did that
    subject = EtcdSubject(cluster.context(), PACE)
    async with asyncio.timeout(120):
        await subject.reset()
        waiting = asyncio.create_task(subject.wait_healthy(0.02, lambda verdict: None))
        await asyncio.sleep(0.05)
        cluster.change("etcd-1", images={"etcd": NEXT}, ready=True)
        await waiting
        fault = await attempt(subject, "node_kill", 3)
    assert cluster.changes() == [("delete_pod", fault.targets[0].name)]


# What is ours to undo ------------------------------------------------------------------------------------------------

OLD = Fault(
    chaos="node_down",
    targets=(Target("etcd-1", "u1"),),
    params={"count": 1},
    undo={"images": {"etcd": IMAGE}, "image": IMAGE, "pauseImage": "registry.k8s.io/pause:3.10", "containerIndex": 0},
)
"""As earlier versions recorded it."""
NEW = replace(
    OLD,
    undo={
        "pods": {"etcd-1": {"images": {"etcd": IMAGE}, "image": IMAGE, "containerIndex": 0}},
        "pauseImage": "registry.k8s.io/pause:3.10",
    },
)
KILL = replace(OLD, chaos="node_kill", undo={"images": {"etcd": IMAGE}})


def swapped_back(fault: Fault) -> RevertPermit:
    """What `node_down` asks the guard for when it is reverted."""
    return RevertPermit(fault, "", partial(is_swapped, fault))


@pytest.mark.parametrize(
    ("fault", "uid", "image", "ours"),
    [
        (OLD, "u1", "registry.k8s.io/pause:3.10", True),
        (NEW, "u1", "registry.k8s.io/pause:3.10", True),
        (NEW, "u1", "mirror.example:5000/k8s/pause@sha256:00", True),
        (NEW, "u1", "mirror.example/registry-k8s-io-pause:latest", True),
        (NEW, "u1", "mirror.example/pause-the-world:1", False),
        (NEW, "u1", IMAGE, False),
        (NEW, "u1", NEXT, False),
        (OLD, "u1", mirrored(IMAGE), False),
        (NEW, "u2", "registry.k8s.io/pause:3.10", False),
        (KILL, "u1", NEXT, False),
        (KILL, "u1", "registry.k8s.io/pause:3.10", False),
    ],
)
def test_only_our_own_image_in_the_planned_pod_is_ours_to_undo(fault: Any, uid: Any, image: Any, ours: Any) -> None:
    pod = Pod("etcd-1", uid, True, False, "10.0.0.1", {"etcd": image})
    assert is_swapped(Fault.from_json(fault.to_json()), fault.targets[0], pod) is ours


@pytest.mark.parametrize("make", CLUSTERS)
@pytest.mark.parametrize("fault", [OLD, NEW, KILL])
async def test_cleaning_up_what_is_not_there_deletes_nothing(make: Any, fault: Any) -> None:
    cluster = make()
    fault = replace(fault, targets=(Target("etcd-1", cluster.pods["etcd-1"].uid),))
    await asyncio.wait_for(EtcdSubject(cluster.context(), PACE).cleanup_chaos(fault), 60)
    assert cluster.changes() == []


# The guard -----------------------------------------------------------------------------------------------------------


def permits() -> dict[str, tuple[Any, ...]]:
    """For each change: a permit that fits, and the rest of the request."""
    targets = (Target("etcd-1", "uid-2"), Target("web", "uid-w", SERVICES), Target("deny", "", POLICIES))
    fault = replace(NEW, targets=targets)
    voters = Voters("app=etcd", NAMES, 3)
    return {
        "delete_pod": (InjectPermit(fault, voters), "etcd", "etcd-1", "uid-2", 1),
        "patch_pod": (InjectPermit(fault, voters), "etcd", "etcd-1", "uid-2", ()),
        "patch_object": (InjectPermit(fault, None), "etcd", SERVICES, "web", "uid-w", ()),
        "create_object": (InjectPermit(fault, None), "etcd", POLICIES, {"metadata": {"name": "deny"}}),
        "delete_object": (InjectPermit(fault, None), "etcd", SERVICES, "web", "uid-w"),
        "scale_workload": (RecreatePermit("etcd", ("data",)), "etcd", "etcd", 0),
        "delete_claim": (RecreatePermit("etcd", ("data",)), "etcd", "data-etcd-1"),
    }


class Asked:
    """An API that notes what it is asked to change."""

    reaches_pods = True

    def __init__(self, pods: Mapping[str, Pod], replicas: int = 3) -> None:
        self.pods = pods
        self.replicas = replicas
        self.objects: dict[str, Any] = {}
        self.changed: list[str] = []

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        return self.pods

    async def get_object(self, namespace: str, kind: str, name: str) -> Any:
        if name not in self.objects:
            raise ClusterError(404, f"{name} not found")
        return self.objects[name]

    async def get_workload(self, namespace: str, name: str) -> Workload:
        return Workload(name, self.replicas, {"etcd": IMAGE}, ("data",))

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        assert name in CHANGING, name

        async def change(*_: Any) -> None:
            self.changed.append(name)

        return change


async def consents() -> str | None:
    return None


async def refuses() -> str | None:
    return "nobody asked"


def three() -> dict[str, Pod]:
    return {
        name: Pod(name, f"uid-{number}", True, False, "10.0.0.1", {"etcd": IMAGE})
        for number, name in enumerate(NAMES, 1)
    }


def test_every_change_there_is_takes_a_permit_and_no_question_does() -> None:
    """A change that is added without one, to the protocol or to the real cluster, fails here."""
    assert permits().keys() == CHANGING
    for name in CHANGING:
        for where in (Cluster, GuardedCluster):
            parameters = list(inspect.signature(getattr(where, name)).parameters.values())
            assert parameters[1].name == "permit" and parameters[1].default is inspect.Parameter.empty, (where, name)
    asked = {name for name in vars(ReadRequests) if not name.startswith("_")}
    assert asked.isdisjoint(CHANGING)
    public = {name for name, _ in inspect.getmembers(KubeCluster) if not name.startswith("_")}
    assert public == asked | CHANGING
    assert {name for name in vars(GuardedCluster) if not name.startswith("_")} == asked | CHANGING


def test_a_subject_is_given_nothing_but_the_guarded_cluster() -> None:
    assert get_type_hints(SubjectContext)["cluster"] is Cluster
    made = {path.name for path in REPO.glob("controller/**/*.py") if "KubeCluster(" in path.read_text()}
    assert made == {"services.py"}, "whoever makes one elsewhere goes past the guard"


@pytest.mark.parametrize("method", sorted(CHANGING))
async def test_what_is_permitted_is_sent(method: Any) -> None:
    api = Asked(three())
    await getattr(GuardedCluster(api, consents, allow_recreate=True), method)(*permits()[method])  # type: ignore[arg-type]
    assert api.changed == [method]


@pytest.mark.parametrize("method", sorted(CHANGING))
async def test_without_consent_nothing_is_begun(method: Any) -> None:
    api: Any = Asked(three())
    with pytest.raises(SubjectError, match="nobody asked"):
        await getattr(GuardedCluster(api, refuses, True, allow_recreate=True), method)(*permits()[method])
    assert api.changed == []


@pytest.mark.parametrize("method", ["scale_workload", "delete_claim"])
async def test_without_the_specs_word_nothing_is_emptied(method: Any) -> None:
    api: Any = Asked(three())
    with pytest.raises(SubjectError, match="does not say reset: recreate"):
        await getattr(GuardedCluster(api, consents, True), method)(*permits()[method])
    assert api.changed == []


@pytest.mark.parametrize("method", ["scale_workload", "delete_claim"])
async def test_only_the_named_statefulset_and_its_claims_are_emptied(method: Any) -> None:
    api: Any = Asked(three())
    permit, namespace, _, *rest = permits()[method]
    with pytest.raises(SubjectError):
        await getattr(GuardedCluster(api, consents, allow_recreate=True), method)(
            permit, namespace, "data-postgres-0", *rest
        )
    assert api.changed == []


async def test_a_system_whose_emptying_has_begun_is_brought_back_whatever_has_become_of_consent() -> None:
    api = Asked({}, replicas=0)
    guarded = GuardedCluster(api, refuses, allow_recreate=True)  # type: ignore[arg-type]
    await guarded.delete_claim(*permits()["delete_claim"])
    await guarded.scale_workload(RecreatePermit("etcd", ("data",)), "etcd", "etcd", 3)
    assert api.changed == ["delete_claim", "scale_workload"]


@pytest.mark.parametrize("method", ["delete_pod", "patch_pod"])
@pytest.mark.parametrize("who", [("etcd-0", "uid-1"), ("etcd-1", "uid-9")])
async def test_only_a_target_of_the_plan_is_broken_by_name_and_uid(method: Any, who: Any) -> None:
    api: Any = Asked(three())
    permit, namespace, _, _, *rest = permits()[method]
    with pytest.raises(ChaosRefused, match="no target of the plan on record"):
        await getattr(GuardedCluster(api, consents, True), method)(permit, namespace, *who, *rest)
    assert api.changed == []


@pytest.mark.parametrize("method", ["delete_pod", "patch_pod"])
@pytest.mark.parametrize("down", [{"ready": False}, {"deleting": True}, None])
@pytest.mark.parametrize("allowed", [False, True])
async def test_a_member_that_is_down_already_counts(method: Any, down: Any, allowed: Any) -> None:
    pods = three()
    pods.pop("etcd-2") if down is None else pods.update({"etcd-2": replace(pods["etcd-2"], **down)})
    api: Any = Asked(pods)
    request = getattr(GuardedCluster(api, consents, allow_quorum_loss=allowed), method)(*permits()[method])
    if allowed:
        await request
    else:
        with pytest.raises(ChaosRefused, match=r"would take the majority of 3 .*\(etcd-2 is"):
            await request
    assert api.changed == [method] * allowed


async def test_a_member_that_goes_down_between_the_plan_and_the_request_saves_the_others() -> None:
    cluster = FakeCluster()
    subject = EtcdSubject(cluster.context(), PACE)
    fault = await subject.plan_chaos("node_kill", subject.get_chaos_types()["node_kill"].params(), Random(1))
    (other, *_) = (name for name in NAMES if name != fault.targets[0].name)
    cluster.change(other, ready=False)
    with pytest.raises(ChaosRefused, match=f"{other} is not Ready"):
        await subject.inject_chaos(fault)
    assert {call[0] for call in cluster.calls}.isdisjoint(CHANGING)


@pytest.mark.parametrize(
    ("members", "voting", "hit", "down", "lost"),
    [
        (3, 3, 1, 0, False),
        (3, 3, 1, 1, True),
        (5, 5, 2, 0, False),
        (5, 5, 2, 1, True),
        (5, 3, 1, 1, True),
        (4, 4, 2, 0, True),
    ],
)
def test_a_majority_of_those_that_vote_together_remains(
    members: Any, voting: Any, hit: Any, down: Any, lost: Any
) -> None:
    names = [f"etcd-{number}" for number in range(members)]
    pods = {name: Pod(name, name, True, False, "10.0.0.1", {}) for name in names}
    for name in names[members - down :]:
        pods[name] = replace(pods[name], ready=False)
    fault = Fault("node_kill", tuple(Target(name, name) for name in names[:hit]), {})
    assert (majority_lost(fault, Voters("", names, voting), pods) is not None) is lost


async def test_undoing_needs_neither_consent_nor_a_majority_for_the_pod_is_down_anyway() -> None:
    pods = {"etcd-1": replace(three()["etcd-1"], images={"etcd": "registry.k8s.io/pause:3.10"}, ready=False)}
    api: Any = Asked(pods)
    await GuardedCluster(api, refuses).delete_pod(
        swapped_back(replace(NEW, targets=(Target("etcd-1", "uid-2"),))), "etcd", "etcd-1", "uid-2", 1
    )
    assert api.changed == ["delete_pod"]


@pytest.mark.parametrize("fields", [{}, {"images": {"etcd": NEXT}}, {"uid": "other"}, {"deleting": True}])
async def test_undoing_deletes_no_pod_that_does_not_show_our_change(fields: Any) -> None:
    pods = three()
    pods["etcd-1"] = replace(pods["etcd-1"], **fields)
    api: Any = Asked(copy.copy(pods))
    await GuardedCluster(api, consents).delete_pod(
        swapped_back(replace(NEW, targets=(Target("etcd-1", "uid-2"),))), "etcd", "etcd-1", "uid-2", 1
    )
    assert api.changed == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/pd/api/v1/members/name/pd-0", None),
        ("DELETE", "/pd/api/v1/store/1", None),
        ("DELETE", "/pd/api/v1/store/1?force=true", None),
        ("POST", "/pd/api/v1/store/1/state?state=Offline", None),
        ("POST", "/pd/api/v1/leader/resign", None),
        ("POST", "/pd/api/v1/operators", {"name": "remove-peer", "region_id": 1, "store_id": 1}),
        ("POST", "/pd/api/v1/operators", None),
        ("POST", "/pd/api/v1/schedulers", {"name": "evict-leader-scheduler"}),
        ("DELETE", "/pd/api/v1/schedulers/balance-leader-scheduler", None),
        ("DELETE", "/pd/api/v1/admin/cache/regions", None),
    ],
)
async def test_pd_is_given_no_order_that_takes_something_away(method: Any, path: Any, body: Any) -> None:
    cluster = FakeTikv()
    endpoints = Endpoints(cluster.context(), check(cluster.context().options))
    with pytest.raises(SubjectError, match="PD is not told to"):
        await Pd(endpoints).request(path, body, method)
    assert cluster.calls == []


async def test_undoing_touches_nobody_but_the_targets() -> None:
    api: Any = Asked(three())
    with pytest.raises(SubjectError, match="no target of the plan on record"):
        await GuardedCluster(api, consents, True, True).delete_pod(swapped_back(NEW), "etcd", "etcd-0", "uid-1", 1)
    assert api.changed == []


@pytest.mark.parametrize("method", ["patch_object", "delete_object"])
@pytest.mark.parametrize("who", [("db", "uid-w"), ("web", "uid-9"), ("deny", "uid-w")])
async def test_only_an_object_of_the_plan_is_changed_by_name_and_uid(method: Any, who: Any) -> None:
    api: Any = Asked(three())
    permit, namespace, kind, _, _, *rest = permits()[method]
    with pytest.raises(ChaosRefused, match="no target of the plan on record"):
        await getattr(GuardedCluster(api, consents, True), method)(permit, namespace, kind, *who, *rest)
    assert api.changed == []


@pytest.mark.parametrize("body", [{"metadata": {"name": "web"}}, {"metadata": {"name": "other"}}])
async def test_only_an_object_that_the_plan_names_is_created(body: Any) -> None:
    api: Any = Asked(three())
    permit, namespace, *_ = permits()["create_object"]
    for kind in (POLICIES, SERVICES):
        with pytest.raises(ChaosRefused, match="no target of the plan on record"):
            await GuardedCluster(api, consents, True).create_object(permit, namespace, kind, body)
    assert api.changed == []


@pytest.mark.parametrize(
    ("name", "uid", "spec", "sent"),
    [
        ("web", "uid-w", "ours", True),
        ("web", "uid-w", "theirs", False),
        ("web", "uid-9", "ours", False),
        ("deny", "uid-d", "ours", True),
        ("deny", "uid-d", "theirs", False),
        ("gone", "uid-g", "ours", False),
    ],
)
async def test_reverting_changes_no_object_that_does_not_show_the_faults_change(
    name: Any, uid: Any, spec: Any, sent: Any
) -> None:
    kinds = {"web": SERVICES, "deny": POLICIES, "gone": SERVICES}
    targets = (Target("web", "uid-w", SERVICES), Target("deny", "", POLICIES), Target("gone", "uid-g", SERVICES))
    permit = RevertPermit(replace(NEW, targets=targets), "", lambda target, found: found["spec"] == "ours")
    api: Any = Asked(three())
    api.objects = {each: {"metadata": {"uid": uid}, "spec": spec} for each in ("web", "deny")}
    guarded = GuardedCluster(api, refuses)
    planned_uid = {"web": "uid-w", "deny": uid, "gone": "uid-g"}[name]
    await guarded.patch_object(permit, "etcd", kinds[name], name, planned_uid, ())
    await guarded.delete_object(permit, "etcd", kinds[name], name, planned_uid)
    assert api.changed == ["patch_object", "delete_object"] * sent


async def test_no_fault_deletes_a_pod_past_the_majority() -> None:
    api: Any = Asked(three())
    permit, *request = permits()["delete_pod"]
    with pytest.raises(ChaosRefused, match="names no voters"):
        await GuardedCluster(api, consents).delete_pod(InjectPermit(permit.fault, None), *request)
    assert api.changed == []


async def test_reverting_touches_no_object_that_is_no_target() -> None:
    api: Any = Asked(three())
    permit = RevertPermit(replace(NEW, targets=(Target("web", "uid-w", SERVICES),)), "", lambda target, found: True)
    with pytest.raises(SubjectError, match="no target of the plan on record"):
        await GuardedCluster(api, consents, True, True).delete_object(permit, "etcd", SERVICES, "web", "uid-9")
    assert api.changed == []


# The controller's own ------------------------------------------------------------------------------------------------


class Kubernetes:
    """An API server of three pods and a namespace, which notes what changes it is asked for."""

    in_cluster = True

    def __init__(self, annotations: Mapping[str, str], unready: str = "") -> None:
        self.annotations = annotations
        self.unready = unready
        self.changes: list[tuple[str, str]] = []

    async def request(self, method: str, path: str, **_: Any) -> Any:
        if method != "GET":
            self.changes.append((method, path))
            return {}
        if path == "/api/v1/namespaces/etcd":
            return {"metadata": {"labels": {"evalcampaign.dev/opt-in": "true"}, "annotations": self.annotations}}
        return {"items": [self._pod(name) for name in NAMES]}

    def _pod(self, name: str) -> Any:
        ready = {"type": "Ready", "status": "False" if name == self.unready else "True"}
        return {
            "metadata": {"name": name, "uid": f"uid-of-{name}"},
            "spec": {"containers": [{"name": "etcd", "image": IMAGE}]},
            "status": {"conditions": [ready], "phase": "Running"},
        }


@pytest.mark.parametrize(
    ("allowed", "unready", "spec", "sent"),
    [
        ("default", "", {}, True),
        ("default", "etcd-2", {}, False),
        ("default", "etcd-2", {"allow_quorum_loss": True}, True),
        ("somebody", "", {}, False),
        ("somebody", "", {"allow_quorum_loss": True}, False),
    ],
)
async def test_what_the_controller_gives_a_subject_asks_again_before_it_breaks_anything(
    allowed: Any, unready: Any, spec: Any, sent: Any
) -> None:
    api = Kubernetes({"evalcampaign.dev/allowed-namespaces": allowed}, unready)
    services = Services(api, None, {}, {}, lambda: datetime.now(UTC))  # type: ignore[arg-type]
    asked = QuickSpec(subject={"type": "etcd", "namespace": "etcd"}, chaos={"type": "node_kill"}, **spec)
    cluster = services.context(asked, "default").cluster
    permit = InjectPermit(replace(KILL, targets=(Target("etcd-1", "uid-of-etcd-1"),)), Voters("app=etcd", NAMES, 3))
    request = cluster.delete_pod(permit, "etcd", "etcd-1", "uid-of-etcd-1", 1)
    if sent:
        await request
    else:
        with pytest.raises(ChaosRefused):
            await request
    assert api.changes == [("DELETE", "/api/v1/namespaces/etcd/pods/etcd-1")] * sent
