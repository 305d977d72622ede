"""The ground on which controllers are killed: a real API server with an audit log, and an etcd that lives on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import tools
from cluster.apiserver.controlplane import ControlPlane
from cluster.apiserver.kubectl import Kubectl
from controller.kube import KubeApi
from tests.crash import audit
from tests.crash.keeper import Keeper
from tests.crash.members import Members

REPO = Path(__file__).parents[2]
SHIPPED = [REPO / "manifests" / folder for folder in ("controller", "subjects/etcd", "subjects/etcd-permissions")]
CAMPAIGNS = "/apis/evalcampaign.dev/v1alpha1/namespaces/default/evalcampaigns"
SUBJECT = "etcd"
NAMESPACE = "evalcampaign"
ACCOUNT = "evalcampaign-controller"


@dataclass(frozen=True)
class Ground:
    """`kubeconfig` is the controller's: with the rights that are shipped, and leave to use the pod proxy."""

    folder: Path
    api: KubeApi
    keeper: Keeper
    kubeconfig: Path

    async def apply(self, name: str, spec: dict[str, Any]) -> str:
        """Create a campaign; its uid."""
        body = {
            "apiVersion": "evalcampaign.dev/v1alpha1",
            "kind": "EvalCampaign",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
        made = await self.api.request("POST", CAMPAIGNS, body=body)
        return str(made["metadata"]["uid"])

    async def phase(self, name: str) -> str | None:
        """What the campaign's status says."""
        found = await self.api.request("GET", f"{CAMPAIGNS}/{name}")
        phase: str | None = found.get("status", {}).get("phase")
        return phase

    async def forget(self, name: str) -> None:
        """Take a campaign away, by force: no controller runs that could let it go."""
        body = {"metadata": {"finalizers": None}}
        merge = "application/merge-patch+json"
        await self.api.request("PATCH", f"{CAMPAIGNS}/{name}", body=body, content_type=merge)
        await self.api.request("DELETE", f"{CAMPAIGNS}/{name}")

    def mutations(self, after: int) -> Sequence[audit.Mutation]:
        """The controller's, from this place of the audit log on."""
        with audit.log_of(self.folder).open() as log:
            log.seek(after)
            return list(audit.mutations(log, f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"))

    def audited(self) -> int:
        """The place that the audit log has come to."""
        log = audit.log_of(self.folder)
        return log.stat().st_size if log.exists() else 0


@asynccontextmanager
async def laid(folder: Path) -> AsyncIterator[Ground]:
    """All of it, for as long as the block lasts. FileNotFoundError where the programs have not been built."""
    binaries = {name: tools.binary(name) for name in ("etcd", "kube-apiserver", "kubectl")}
    members = Members()
    async with members.answering():
        plane = ControlPlane(folder, binaries, audit.flags(folder), {"HTTP_PROXY": members.url, "NO_PROXY": ""})
        try:
            # Here and not in a thread: its processes end with the thread that started them.
            plane.start()
            kubectl = Kubectl(binaries["kubectl"], plane.admin_kubeconfig(), folder / "home")
            kubeconfig = await asyncio.to_thread(_furnish, plane, kubectl)
            api = await KubeApi.connect(plane.admin_kubeconfig())
            try:
                keeper = Keeper(api, SUBJECT, members)
                async with keeper.keeping():
                    await keeper.wait_until_healthy()
                    yield Ground(folder, api, keeper, kubeconfig)
            finally:
                await api.close()
        finally:
            plane.stop()


def _furnish(plane: ControlPlane, kubectl: Kubectl) -> Path:
    """Apply what is shipped; the controller's kubeconfig."""
    kubectl("apply", "-f", REPO / "crds")
    kubectl("wait", "--for=condition=Established", "crd/evalcampaigns.evalcampaign.dev", "--timeout=120s")
    for folder in SHIPPED:
        kubectl("apply", "-k", folder)
    proxy = ("--verb=get,create", "--resource=pods/proxy")  # the controller runs outside
    kubectl("create", "role", "proxy", *proxy, "-n", SUBJECT)
    kubectl("create", "rolebinding", "proxy", "--role=proxy", f"--serviceaccount={NAMESPACE}:{ACCOUNT}", "-n", SUBJECT)
    token = kubectl("create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=4h").strip()
    return plane.kubeconfig(ACCOUNT, token)
