"""Checks every change to a subject before it is sent.

The state that decides is read at the time of the request, because it may have changed since the plan was made or the
campaign was accepted. A request that is not permitted is not sent, and an exception says why.

* To inject, the namespace has to consent, the object has to be a target of the plan on record, by kind, name and uid,
  and a majority of the voters has to remain, where the fault takes members. Members that are missing, being deleted or
  not Ready count as lost already. `allowQuorumLoss` takes the majority out of this, and nothing else.
* To revert, the object has to be a target of the plan, and has to show the fault's own change still: the fault's type
  says how that is recognised. What a campaign did is reverted even where authorization was withdrawn.
* To empty a system, the spec has to ask for it, and the namespace has to consent as long as the StatefulSet runs. One
  that is stopped is emptied and started again without authorization, because leaving it stopped would be worse.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from subjects.cluster import Answer, ClusterError, MemberRequest, Pod, PodView, UnguardedCluster, Workload
from subjects.fault import PODS
from subjects.permits import InjectPermit, RecreatePermit, RevertPermit, Voters, tolerated_failures
from subjects.pods import ordinal
from subjects.protocol import ChaosRefused, Fault, SubjectError, Target

AuthorizationCheck = Callable[[], Awaitable[str | None]]
"""Asks the subject's namespace at this moment; returns why it does not consent, None where it does."""


class GuardedCluster:
    """Implements `subjects.cluster.Cluster` for one campaign. Requests that only read are passed on."""

    def __init__(
        self,
        api: UnguardedCluster,
        authorization_refusal: AuthorizationCheck,
        allow_quorum_loss: bool = False,
        allow_recreate: bool = False,
    ) -> None:
        self._api = api
        self._authorization_refusal = authorization_refusal
        self._allow_quorum_loss = allow_quorum_loss
        self._allow_recreate = allow_recreate

    # Changes ---------------------------------------------------------------------------------------------------------

    async def delete_pod(
        self, permit: InjectPermit | RevertPermit, namespace: str, name: str, uid: str, grace_seconds: int
    ) -> None:
        """See `Cluster.delete_pod`."""
        if isinstance(permit, InjectPermit) and permit.voters is None:
            raise ChaosRefused(
                f"{name} is left alone: who deletes a pod takes a member, and this fault names no voters"
            )
        if await self._may_change(permit, namespace, Target(name, uid)):
            await self._api.delete_pod(namespace, name, uid, grace_seconds)

    async def patch_pod(
        self, permit: InjectPermit, namespace: str, name: str, uid: str, operations: Sequence[Mapping[str, Any]]
    ) -> None:
        """See `Cluster.patch_pod`."""
        await self._require_injection(permit, namespace, Target(name, uid))
        same = {"op": "test", "path": "/metadata/uid", "value": uid}
        await self._api.patch_pod(namespace, name, (same, *operations))

    async def scale_workload(self, permit: RecreatePermit, namespace: str, name: str, replicas: int) -> None:
        """See `Cluster.scale_workload`."""
        what = f"StatefulSet {name} is not scaled to {replicas}"
        self._require_recreate(permit, what)
        if name != permit.workload:
            raise SubjectError(f"{what}: it is none that this campaign may empty")
        if replicas == 0 and await self._is_running(namespace, name):
            await self._require_authorization(what)
        await self._api.scale_workload(namespace, name, replicas)

    async def delete_claim(self, permit: RecreatePermit, namespace: str, name: str) -> None:
        """See `Cluster.delete_claim`."""
        what = f"the volume claim {name} is not deleted"
        self._require_recreate(permit, what)
        if all(ordinal(f"{claim}-{permit.workload}", name) is None for claim in permit.claims):
            raise SubjectError(f"{what}: it is no member's of StatefulSet {permit.workload}")
        if await self._is_running(namespace, permit.workload):
            await self._require_authorization(what)
        await self._api.delete_claim(namespace, name)

    async def patch_object(
        self,
        permit: InjectPermit | RevertPermit,
        namespace: str,
        kind: str,
        name: str,
        uid: str,
        operations: Sequence[Mapping[str, Any]],
    ) -> None:
        """See `Cluster.patch_object`."""
        if await self._may_change(permit, namespace, Target(name, uid, kind)):
            same = {"op": "test", "path": "/metadata/uid", "value": uid}
            await self._api.patch_object(namespace, kind, name, (same, *operations))

    async def create_object(self, permit: InjectPermit, namespace: str, kind: str, body: Mapping[str, Any]) -> None:
        """See `Cluster.create_object`."""
        await self._require_injection(permit, namespace, Target(body["metadata"]["name"], "", kind))
        await self._api.create_object(namespace, kind, body)

    async def delete_object(
        self, permit: InjectPermit | RevertPermit, namespace: str, kind: str, name: str, uid: str
    ) -> None:
        """See `Cluster.delete_object`."""
        if await self._may_change(permit, namespace, Target(name, uid, kind)):
            await self._api.delete_object(namespace, kind, name, uid)

    # What decides ----------------------------------------------------------------------------------------------------

    async def _may_change(self, permit: InjectPermit | RevertPermit, namespace: str, target: Target) -> bool:
        """Returns whether the request is to be sent; raises where it must not be."""
        if isinstance(permit, RevertPermit):
            return await self._is_applied(permit, namespace, target)
        await self._require_injection(permit, namespace, target)
        return True

    async def _require_injection(self, permit: InjectPermit, namespace: str, target: Target) -> None:
        fault, voters = permit.fault, permit.voters
        if target not in fault.targets:
            raise ChaosRefused(f"{target.name} ({target.uid}) is no target of the plan on record")
        if (why := await self._authorization_refusal()) is not None:
            raise ChaosRefused(f"{target.name} is left alone: {why}")
        if voters is None:
            return
        pods = await self._api.list_pods(namespace, voters.selector)
        if not self._allow_quorum_loss and (why := majority_lost(fault, voters, pods)) is not None:
            raise ChaosRefused(why)

    async def _is_applied(self, permit: RevertPermit, namespace: str, target: Target) -> bool:
        """Returns whether the fault's change is still there. Where somebody was quicker, there is nothing to revert.

        An object that the fault created has no uid in its plan: it is the one of that name, if it is as it was created.
        """
        created = Target(target.name, "", target.kind)
        planned = next((each for each in permit.fault.targets if each in (target, created)), None)
        if planned is None:
            raise SubjectError(f"{target.name} ({target.uid}) is no target of the plan on record, so it is left alone")
        if target.kind == PODS:
            pod = (await self._api.list_pods(namespace, permit.selector)).get(target.name)
            there = pod is not None and not pod.deleting and pod.uid == target.uid
            return there and permit.still_applied(planned, pod)
        try:
            found = await self._api.get_object(namespace, target.kind, target.name)
        except ClusterError as error:
            if error.status != 404:
                raise
            return False
        return found["metadata"]["uid"] == target.uid and permit.still_applied(planned, found)

    def _require_recreate(self, permit: RecreatePermit, what: str) -> None:
        if not self._allow_recreate:
            raise SubjectError(f"{what}: the campaign does not say reset: recreate")

    async def _require_authorization(self, what: str) -> None:
        if (why := await self._authorization_refusal()) is not None:
            raise SubjectError(f"{what}: {why}")

    async def _is_running(self, namespace: str, name: str) -> bool:
        """Returns whether the StatefulSet is to have members. One that is gone has none."""
        try:
            return (await self._api.get_workload(namespace, name)).replicas > 0
        except ClusterError as error:
            if error.status != 404:
                raise
            return False

    # Reads ---------------------------------------------------------------------------------------------------------

    @property
    def reaches_pods(self) -> bool:
        """See `ReadRequests.reaches_pods`."""
        return self._api.reaches_pods

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        """See `ReadRequests.list_pods`."""
        return await self._api.list_pods(namespace, selector)

    def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        """See `ReadRequests.watch_pods`."""
        return self._api.watch_pods(namespace, selector)

    async def get_workload(self, namespace: str, name: str) -> Workload:
        """See `ReadRequests.get_workload`."""
        return await self._api.get_workload(namespace, name)

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        """See `ReadRequests.list_workloads`."""
        return await self._api.list_workloads(namespace, selector)

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        """See `ReadRequests.list_claims`."""
        return await self._api.list_claims(namespace, selector)

    async def get_object(self, namespace: str, kind: str, name: str) -> Mapping[str, Any]:
        """See `ReadRequests.get_object`."""
        return await self._api.get_object(namespace, kind, name)

    async def list_objects(self, namespace: str, kind: str, selector: str = "") -> Mapping[str, Mapping[str, Any]]:
        """See `ReadRequests.list_objects`."""
        return await self._api.list_objects(namespace, kind, selector)

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """See `ReadRequests.read_secret`."""
        return await self._api.read_secret(namespace, name)

    async def ask_member(self, request: MemberRequest) -> Answer:
        """See `ReadRequests.ask_member`."""
        return await self._api.ask_member(request)


def majority_lost(fault: Fault, voters: Voters, pods: Mapping[str, Pod]) -> str | None:
    """Returns why the fault would leave no majority of the voters, given their current pods; None where it leaves one.

    Which members vote together is not known, so any combination of unavailable ones may be a majority of some group.
    """
    hit = {target.name for target in fault.targets if target.kind == PODS}
    unavailable = {
        name: why for name in voters.names if name not in hit and (why := _unavailable(pods.get(name))) is not None
    }
    if len(hit) + len(unavailable) <= tolerated_failures(voters.voting):
        return None
    already = ", ".join(f"{name} {why}" for name, why in unavailable.items())
    return (
        f"{fault.chaos} on {fault.names} would take the majority of {voters.voting} that vote together"
        f"{f' ({already})' if already else ''}; set allowQuorumLoss: true to do it all the same"
    )


def _unavailable(pod: Pod | None) -> str | None:
    if pod is None:
        return "is missing"
    if pod.deleting:
        return "is being deleted"
    return None if pod.ready else "is not Ready"
