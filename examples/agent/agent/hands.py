"""Does what a policy wants done, and logs it as an agent with a shell would.

The deeds are calls of the Kubernetes API. What is logged of each is the kubectl command that a person would have typed,
why, and what kubectl would have said, with its exit code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any

from .actions import Action, CloseTicket, DeletePod, LookAtPods, OpenTicket
from .casebook import Casebook
from .kubernetes import Away, Kubernetes, Refused
from .observer import Observation

Json = Any


class Hands:
    """Acts in one namespace. What the API server refuses is logged like everything else, and nothing is raised."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, casebook: Casebook) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._casebook = casebook

    async def do(self, action: Action, seen: Observation) -> None:
        """Do it, and tell it."""
        match action:
            case OpenTicket(sign, about, message):
                await self._casebook.open(sign, about, message)
            case LookAtPods(why):
                await self._casebook.think(f"I see: {seen.in_words}.")
                await self._casebook.call(f"kubectl -n {self._namespace} get pods", why)
                await self._tell(self._list())
            case DeletePod(name, uid, why):
                await self._casebook.think(f"{name} is to be deleted. {why}")
                await self._casebook.call(f"kubectl -n {self._namespace} delete pod {name} --wait=false", why)
                await self._tell(self._delete(name, uid))
            case CloseTicket(diagnosis, by_agent):
                await self._casebook.close(diagnosis, by_agent)

    async def _list(self) -> str:
        return table(await self._kubernetes.pods(self._namespace))

    async def _delete(self, name: str, uid: str) -> str:
        await self._kubernetes.delete_pod(self._namespace, name, uid)
        return f'pod "{name}" deleted'

    async def _tell(self, deed: Awaitable[str]) -> None:
        try:
            output, exit_code = await deed, 0
        except Refused as error:
            output, exit_code = f"Error from server ({error.reason}): {error}", 1
        except Away as error:
            output, exit_code = str(error), 1
        await self._casebook.result(output, exit_code)


def table(pods: Iterable[Json]) -> str:
    """Pods as kubectl shows them, with less beside their names. Pure."""
    rows = [("NAME", "READY", "STATUS", "RESTARTS"), *(_row(pod) for pod in pods)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(pod: Json) -> tuple[str, str, str, str]:
    status = pod.get("status", {})
    containers = status.get("containerStatuses", [])
    ready = sum(1 for container in containers if container.get("ready"))
    phase = "Terminating" if "deletionTimestamp" in pod["metadata"] else status.get("phase", "Unknown")
    restarts = sum(container.get("restartCount", 0) for container in containers)
    return pod["metadata"]["name"], f"{ready}/{len(pod['spec']['containers'])}", phase, str(restarts)
