"""Where TiKV is: two StatefulSets found by label, and requests to their members' HTTP ports.

Members are reached by pod address. Where TLS is asked for, they are expected to prove the name that their headless
Service gives them, or the one that `endpoints` names for a member of PD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from subjects import workloads
from subjects.cluster import Answer, ClusterError, MemberRequest, Pod, Tls, Workload
from subjects.protocol import SubjectContext, SubjectNotReady
from subjects.tikv.members.options import Options
from subjects.tikv.members.queries import PD, PD_PORT, ROLES, STATUS_PORT, TIKV, TikvQuery
from subjects.tls import TlsCredentials
from subjects.watching.polling import QueryResult, send_within
from subjects.workloads import UnfitWorkload

KIND = {PD: "PD", TIKV: "TiKV"}


@dataclass(frozen=True, slots=True)
class Topology:
    """The two StatefulSets."""

    pd: Workload
    tikv: Workload

    def of(self, role: str) -> Workload:
        """Returns the StatefulSet of a role."""
        return self.pd if role == PD else self.tikv


class Endpoints:
    """The endpoints of one TiKV cluster."""

    def __init__(self, context: SubjectContext, options: Options) -> None:
        self.context = context
        self.options = options
        self._credentials: TlsCredentials | None = None
        self._ssl: SSLContext | None = None
        self._services: dict[str, str] = {}

    async def find(self, stopped_too: bool = False) -> Topology:
        """Reads the StatefulSets, and the certificates, if there are to be any.

        Raises UnfitWorkload where one is missing, not the only one or too small; SubjectNotReady where something may
        not be read; ClusterUnreachable. With `stopped_too`, one that is scaled to 0 will do.
        """
        await self.credentials()
        found = {role: await self._workload(role, stopped_too) for role in ROLES}
        self._services = {role: workload.service for role, workload in found.items()}
        return Topology(found[PD], found[TIKV])

    async def _workload(self, role: str, stopped_too: bool) -> Workload:
        namespace, selector = self.context.namespace, self.options.selectors[role]
        where = f"StatefulSet of {KIND[role]} ({selector}) in namespace {namespace}"
        try:
            found = await self.context.cluster.list_workloads(namespace, selector)
        except ClusterError as error:
            raise SubjectNotReady(f"the {where} cannot be read: {error}") from error
        if len(found) > 1:
            raise UnfitWorkload(f"there are several of the {where}: {', '.join(sorted(found))}; name one by selectors")
        for workload in found.values():
            stopped = stopped_too and workload.replicas == 0
            return workload if stopped else workloads.require_members(workload, where)
        raise UnfitWorkload(f"there is no {where}")

    async def pods(self, role: str) -> Mapping[str, Pod]:
        """Returns the members' pods, by name."""
        return await workloads.list_pods(self.context, self.options.selectors[role])

    async def pd_pods(self) -> Mapping[str, Pod]:
        """Returns PD's pods, by name."""
        return await self.pods(PD)

    async def tikv_pods(self) -> Mapping[str, Pod]:
        """Returns the stores' pods, by name."""
        return await self.pods(TIKV)

    async def claims(self, role: str) -> frozenset[str]:
        """Returns the names of the members' volume claims."""
        return await workloads.list_claims(self.context, self.options.selectors[role])

    async def credentials(self) -> TlsCredentials | None:
        """Returns what is in the Secret, read once; None where none is named.

        Raises SubjectNotReady where it is unusable.
        """
        name = self.options.tls_secret
        if name is not None and self._credentials is None:
            try:
                values = await self.context.cluster.read_secret(self.context.namespace, name)
            except ClusterError as error:
                raise SubjectNotReady(f"the Secret {name} cannot be read: {error}") from error
            self._credentials = TlsCredentials.from_secret(values)
            self._ssl = self._credentials.ssl_context()
        return self._credentials

    def server_name(self, role: str, pod: Pod) -> str:
        """Returns the name under which the member has its certificate."""
        endpoint = self.options.endpoints.get(pod.name) if role == PD else None
        if endpoint is not None:
            return endpoint.host
        return f"{pod.name}.{self._services.get(role, '')}.{self.context.namespace}.svc"

    def port(self, role: str, pod: Pod) -> int:
        """Returns the member's HTTP port, unless PD says otherwise of a store."""
        if role == TIKV:
            return STATUS_PORT
        endpoint = self.options.endpoints.get(pod.name)
        return endpoint.port if endpoint is not None else PD_PORT

    async def request(
        self,
        role: str,
        pod: Pod,
        path: str,
        timeout: float,
        *,
        port: int | None = None,
        body: Any | None = None,
        method: str | None = None,
    ) -> Answer:
        """Sends one request to one member, `timeout` in seconds. Raises what `Cluster.ask_member` raises."""
        tls = Tls(self._ssl, self.server_name(role, pod)) if self._ssl is not None else None
        request = MemberRequest(
            self.context.namespace, pod, port or self.port(role, pod), path, timeout, body, method, tls
        )
        return await self.context.cluster.ask_member(request)

    async def query(self, query: TikvQuery, pod: Pod, timeout: float, body: Any | None = None) -> QueryResult:
        """Sends one query to one member, `timeout` in seconds; a `body` makes it a POST.

        Never raises for an error of the member, the network or the API server.
        """
        return await send_within(
            timeout, lambda: self.request(query.role, pod, query.path, timeout, port=query.port, body=body)
        )
