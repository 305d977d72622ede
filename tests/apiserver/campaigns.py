"""Campaigns as people write them, and statuses as the controller writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cluster.apiserver.kubectl import Answer, Kubectl
from controller.api import GROUP, KIND, VERSION, CampaignStatus, Condition, ConditionType, Phase, Rates, Summary

FIELD_MANAGER = "evalcampaign"

NOON = datetime(2031, 5, 4, 12, 0, 0, tzinfo=UTC)


def campaign(namespace: str, name: str = "asked", **spec: Any) -> dict[str, Any]:
    """The shortest campaign there is, with these fields of spec on top; a field given as None is left out."""
    asked = {"subject": {"type": "etcd", "namespace": "etcd"}, "chaos": {"type": "node_kill"}} | spec
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in asked.items() if value is not None},
    }


def write_status(
    kubectl: Kubectl,
    namespace: str,
    status: CampaignStatus | dict[str, Any],
    name: str = "asked",
    uid: str | None = None,
) -> Answer:
    """Server-side apply of the whole status, as the controller's StatusWriter does it."""
    written = status.to_json() if isinstance(status, CampaignStatus) else status
    metadata = {"name": name, "namespace": namespace} | ({"uid": uid} if uid else {})
    body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata, "status": written}
    manager = ("--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "--subresource=status")
    return kubectl.run("apply", *manager, "-f", "-", stdin=json.dumps(body))


def finished() -> CampaignStatus:
    """A campaign that ran to its end: 3 trials, 2 recovered."""
    return CampaignStatus(
        phase=Phase.COMPLETE,
        observed_generation=1,
        message="All 3 trials are done.",
        started_at=NOON,
        finished_at=NOON,
        summary=Summary(planned=3, done=3, progress="3/3", scored=3, recovered=2),
        rates=Rates(recovered="2/3 (67%)", recovery_rate="0.6667", median_time_to_recover="8.2s"),
        conditions=[condition(ConditionType.COMPLETE), condition(ConditionType.FINISHED)],
    )


def condition(type_: ConditionType, holds: bool = True) -> Condition:
    """A condition with the rest filled in."""
    return Condition(
        type=type_,
        status="True" if holds else "False",
        reason="AllTrialsDone",
        message="All 3 trials are done.",
        last_transition_time=NOON,
        observed_generation=1,
    )
