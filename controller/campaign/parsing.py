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
    """The controller cannot read a spec that the API server has accepted: the CRD is of another version."""


def campaign_ref(body: Mapping[str, Any]) -> CampaignRef:
    """Returns which object the body is."""
    meta = body["metadata"]
    return CampaignRef(meta["uid"], meta["namespace"], meta["name"])


def campaign_from_body(body: Mapping[str, Any]) -> Campaign:
    """Returns the campaign as the driver takes it. Raises InvalidCampaign."""
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
        what = describe_invalid(error, "spec", max_errors=3, length=160, tell_more=True)
        raise InvalidCampaign(f"this controller cannot read the campaign (is its CRD up to date?): {what}") from None


def _parse_all(model: type[M], written: Iterable[Mapping[str, Any]]) -> Iterator[M]:
    """Yields those that are valid: one that somebody else wrote must not make the campaign unreadable."""
    for each in written:
        with suppress(ValidationError):
            yield model.model_validate(dict(each))


def reports_finished(body: Mapping[str, Any]) -> bool:
    """Returns whether the object's status shows a terminal phase."""
    phase = (body.get("status") or {}).get("phase")
    return phase in [each for each in Phase if each.terminal]


async def refuse_invalid(services: Services, body: Mapping[str, Any], invalid: InvalidCampaign) -> None:
    """Ends an unreadable campaign as Failed. It has no row, for nothing of it is known that a row could hold."""
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
