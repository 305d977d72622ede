"""The EvalCampaign object as Kopf passes it, parsed into typed values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from controller.api import CampaignSpec, CampaignStatus, Condition, ConditionType, Model, Phase, Plan, Reason
from controller.campaign.phases import Campaign
from controller.campaign.reporting import KubeEvent
from controller.campaign.services import Services
from controller.kube import CampaignRef
from controller.text import truncate
from controller.validation import describe_invalid

M = TypeVar("M", bound=Model)


class InvalidCampaign(Exception):
    """The API server let through what this controller cannot read: its CRD is another version's."""


def campaign_ref(body: Mapping[str, Any]) -> CampaignRef:
    """Which object it is."""
    meta = body["metadata"]
    return CampaignRef(meta["uid"], meta["namespace"], meta["name"])


def campaign_from_body(body: Mapping[str, Any]) -> Campaign:
    """The campaign as the driver takes it. Raises InvalidCampaign with a sentence."""
    meta, status, spec = body["metadata"], body.get("status") or {}, body.get("spec")
    try:
        return Campaign(
            ref=campaign_ref(body),
            spec=CampaignSpec.model_validate(dict(spec) if isinstance(spec, Mapping) else spec),
            generation=meta.get("generation", 0),
            created_at=datetime.fromisoformat(meta["creationTimestamp"]),
            conditions=list(_parse_all(Condition, status.get("conditions") or ())),
            plans=list(_parse_all(Plan, status.get("plans") or ())),
        )
    except ValidationError as error:
        what = describe_invalid(error, "spec", most=3, length=160, tell_more=True)
        raise InvalidCampaign(f"this controller cannot read the campaign (is its CRD up to date?): {what}") from None


def _parse_all(model: type[M], written: Iterable[Mapping[str, Any]]) -> Iterator[M]:
    """Those that are ours: a foreign one, written by whomever, must not make the campaign unreadable."""
    for each in written:
        with suppress(ValidationError):
            yield model.model_validate(dict(each))


def reports_finished(body: Mapping[str, Any]) -> bool:
    """Whether the status that the object bears is a final one."""
    phase = (body.get("status") or {}).get("phase")
    return phase in [each for each in Phase if each.terminal]


async def refuse_invalid(services: Services, body: Mapping[str, Any], invalid: InvalidCampaign) -> None:
    """End it Failed. It has no row: nothing of it is known that a row could hold."""
    now, generation, message = services.now(), body["metadata"].get("generation", 0), truncate(str(invalid), 1024)
    if body.get("status", {}).get("message") == message:
        return  # said already, before a restart
    holds = {ConditionType.ACCEPTED: False, ConditionType.FAILED: True, ConditionType.FINISHED: True}
    conditions = [
        Condition(
            type=type_,
            status="True" if true else "False",
            reason=Reason.INVALID_SPEC,
            message=message,
            last_transition_time=now,
            observed_generation=generation,
        )
        for type_, true in holds.items()
    ]
    event = KubeEvent("phase/Failed/InvalidSpec", Reason.INVALID_SPEC, message, now, warning=True)
    status = CampaignStatus(
        phase=Phase.FAILED,
        observed_generation=generation,
        message=message,
        finished_at=now,
        conditions=conditions,
    )
    ref = campaign_ref(body)
    async with services.status_writer(ref) as writer, services.event_recorder(ref) as recorder:
        writer.write(status)
        recorder.record(event)
        await writer.wait_until_written()
        await recorder.wait_until_written()
