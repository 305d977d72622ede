"""Executes the actions of a policy, and logs them as an agent with a shell would.

An action is a request to the Kubernetes API. The log shows the equivalent kubectl command, the reason for it, and the
output and exit code that kubectl would have had.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any

from .actions import Action, CloseTicket, DeletePod, ListPods, OpenTicket
from .kubernetes import ApiRefused, ApiUnreachable, Kubernetes
from .observer import Observation
from .worklog import WorkLog

Json = Any


class ActionExecutor:
    """Acts in one namespace. Refused requests are logged as results of their commands; nothing is raised."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, worklog: WorkLog) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._worklog = worklog

    async def execute(self, action: Action, seen: Observation) -> None:
        """Executes one action and logs it. `seen` is the observation on which the policy decided."""
        match action:
            case OpenTicket(kind, about, message):
                await self._worklog.open_ticket(kind, about, message)
            case ListPods(why):
                await self._worklog.add_reasoning(f"I see: {seen.summary}.")
                await self._worklog.add_call(f"kubectl -n {self._namespace} get pods", why)
                await self._log_result(self._list())
            case DeletePod(name, uid, why):
                await self._worklog.add_reasoning(f"{name} is to be deleted. {why}")
                await self._worklog.add_call(f"kubectl -n {self._namespace} delete pod {name} --wait=false", why)
                await self._log_result(self._delete(name, uid))
            case CloseTicket(diagnosis, by_agent):
                await self._worklog.close_ticket(diagnosis, by_agent)

    async def _list(self) -> str:
        return table(await self._kubernetes.pods(self._namespace))

    async def _delete(self, name: str, uid: str) -> str:
        await self._kubernetes.delete_pod(self._namespace, name, uid)
        return f'pod "{name}" deleted'

    async def _log_result(self, call: Awaitable[str]) -> None:
        try:
            output, exit_code = await call, 0
        except ApiRefused as error:
            output, exit_code = f"Error from server ({error.reason}): {error}", 1
        except ApiUnreachable as error:
            output, exit_code = str(error), 1
        await self._worklog.add_result(output, exit_code)


def table(pods: Iterable[Json]) -> str:
    """Returns a table of the pods like that of `kubectl get pods`. Pure."""
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
