"""What subjects ask of Kubernetes, as a protocol: so that they need no client library and tests need no cluster.

`controller/kube/cluster.py` implements `ReadRequests` and `ChangeRequests` for a real API server. A subject never gets
that object: it gets a `Cluster`, in which every change takes a permit. `subjects/guard.py` implements it and checks
each permit.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Protocol

from subjects.permits import InjectPermit, RecreatePermit, RevertPermit


class ClusterError(Exception):
    """The API server answered and refused: `status` is its HTTP status, the text its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ClusterUnreachable(Exception):
    """The API server did not answer, or broke off: whether a change was made is not known."""


class ClusterFailing(ClusterUnreachable):
    """The API server is there and does not serve (a 5xx, as from a webhook that is down; 429): no more is known.

    It is no outage that ends by waiting, so a caller's deadline keeps running.
    """


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the oracle needs it, cut down from the API's answer."""

    name: str
    uid: str
    ready: bool
    deleting: bool
    ip: str | None
    images: Mapping[str, str]
    """Container name to image, as the spec asks for it now."""
    image_ids: Mapping[str, str] = field(default_factory=dict)
    """Container name to the digest that runs, as the kubelet reports it."""
    restarts: int = 0
    phase: str = ""
    node: str | None = None


@dataclass(frozen=True, slots=True)
class PodView:
    """All pods of one selection at one instant; `pods` is None while the API server cannot be seen."""

    pods: Mapping[str, Pod] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """A StatefulSet, cut down: how many members it should have and with which images.

    `claims` names its volume claim templates: member `n` keeps its data in the claims `{claim}-{name}-{n}`. `service`
    is the headless Service that gives every member its name, `{name}-{n}.{service}.{namespace}.svc`.
    """

    name: str
    replicas: int
    images: Mapping[str, str]
    claims: tuple[str, ...] = ()
    service: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    """How to ask a member by TLS: `context` holds the authority and our certificate, `server_name` whom to expect.

    Members are reached by pod address, and certificates are made out to names.
    """

    context: SSLContext = field(repr=False)
    server_name: str


@dataclass(frozen=True, slots=True)
class MemberRequest:
    """One HTTP request to a member's own port.

    `timeout` is in seconds, from the first packet to the last byte. `body` is sent as JSON. The default `method` is
    GET, or POST where there is a body.
    """

    namespace: str
    pod: Pod
    port: int
    path: str
    timeout: float
    body: Any | None = None
    method: str | None = None
    tls: Tls | None = None

    @property
    def http_method(self) -> str:
        """The method that is sent."""
        return self.method or ("GET" if self.body is None else "POST")


@dataclass(frozen=True, slots=True)
class Answer:
    """A member's HTTP answer: status and decoded JSON body.

    None where the body was no JSON, or none that a member would write: nested without end, or with numbers that are not
    finite or have more than 64 bits.
    """

    status: int
    body: Any


class MemberUnreachable(Exception):
    """A member's HTTP port did not answer within the limit; the text says how it failed."""


class ReadRequests(Protocol):
    """What may be asked of the API server. Methods raise ClusterError or ClusterUnreachable and nothing else."""

    @property
    def reaches_pods(self) -> bool:
        """Returns whether we are where pods' own addresses and names are known. Else only their HTTP can be reached."""
        ...

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        """The pods that match a label selector, by name."""
        ...

    def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        """The selection at once and after every single change of it, without end and without raising.

        No change is skipped while the watch holds. While the API server is away it yields views without pods, at
        least one a second; then it lists again and goes on.
        """
        ...

    async def get_workload(self, namespace: str, name: str) -> Workload:
        """A StatefulSet. ClusterError 404 where there is none."""
        ...

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        """The StatefulSets that match a label selector, by name."""
        ...

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        """The names of the PersistentVolumeClaims that match a label selector, going or not."""
        ...

    async def get_object(self, namespace: str, kind: str, name: str) -> Mapping[str, Any]:
        """Any object, as JSON; `kind` is as in the API's paths: `v1/services`, `apps/v1/deployments`."""
        ...

    async def list_objects(self, namespace: str, kind: str, selector: str = "") -> Mapping[str, Mapping[str, Any]]:
        """The objects of a kind that match a label selector, as JSON by name."""
        ...

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """The decoded values of a Secret. What is in them is for connections only, never for a log or a record."""
        ...

    async def ask_member(self, request: MemberRequest) -> Answer:
        """Send one request to a pod's own HTTP port. Redirects are not followed.

        Raises MemberUnreachable when there was no HTTP answer from the member, or one that is not read because it is
        too long or encoded; also where TLS is not possible, as through the API server's proxy.
        """
        ...


class ChangeRequests(Protocol):
    """The requests that change something, without a check whether they are permitted. Raises as `ReadRequests`."""

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        """Delete exactly this pod. ClusterError 404: gone; 409: the name belongs to another uid now."""
        ...

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Apply a JSON patch (RFC 6902). ClusterError 422 where a `test` operation fails."""
        ...

    async def scale_workload(self, namespace: str, name: str, replicas: int) -> None:
        """Ask for so many replicas of a StatefulSet; returns before there are as many."""
        ...

    async def delete_claim(self, namespace: str, name: str) -> None:
        """Delete a PersistentVolumeClaim, and its data with it. It goes once no pod uses it. ClusterError 404: gone."""
        ...

    async def patch_object(self, namespace: str, kind: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Apply a JSON patch to an object of any kind. ClusterError 422 where a `test` operation fails."""
        ...

    async def create_object(self, namespace: str, kind: str, body: Mapping[str, Any]) -> None:
        """Create an object of any kind. ClusterError 409 where there is one of that name."""
        ...

    async def delete_object(self, namespace: str, kind: str, name: str, uid: str) -> None:
        """Delete exactly this object. ClusterError 404: gone; 409: the name belongs to another uid now."""
        ...


class UnguardedCluster(ReadRequests, ChangeRequests, Protocol):
    """Everything that an API server is asked by us."""


class Cluster(ReadRequests, Protocol):
    """The API server, for one subject: every change takes what permits it.

    Methods raise what `ChangeRequests` raises. An injection that is not permitted now raises ChaosRefused, any other
    change that is not permitted raises SubjectError; then nothing was sent.
    """

    async def delete_pod(
        self, permit: InjectPermit | RevertPermit, namespace: str, name: str, uid: str, grace_seconds: int
    ) -> None:
        """See `ChangeRequests.delete_pod`."""
        ...

    async def patch_pod(
        self, permit: InjectPermit, namespace: str, name: str, uid: str, operations: Sequence[Mapping[str, Any]]
    ) -> None:
        """See `ChangeRequests.patch_pod`. The patch is given a test of the uid, ahead of its own operations."""
        ...

    async def scale_workload(self, permit: RecreatePermit, namespace: str, name: str, replicas: int) -> None:
        """See `ChangeRequests.scale_workload`."""
        ...

    async def delete_claim(self, permit: RecreatePermit, namespace: str, name: str) -> None:
        """See `ChangeRequests.delete_claim`."""
        ...

    async def patch_object(
        self,
        permit: InjectPermit | RevertPermit,
        namespace: str,
        kind: str,
        name: str,
        uid: str,
        operations: Sequence[Mapping[str, Any]],
    ) -> None:
        """See `ChangeRequests.patch_object`. The patch is given a test of the uid, ahead of its own operations."""
        ...

    async def create_object(self, permit: InjectPermit, namespace: str, kind: str, body: Mapping[str, Any]) -> None:
        """See `ChangeRequests.create_object`. The plan names the object as a target without a uid."""
        ...

    async def delete_object(
        self, permit: InjectPermit | RevertPermit, namespace: str, kind: str, name: str, uid: str
    ) -> None:
        """See `ChangeRequests.delete_object`."""
        ...
