"""From the raw object to typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controller.api import ConditionType
from controller.campaign.parsing import InvalidCampaign, campaign_from_body

CONDITION = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def body(status: Any = None, **spec: Any) -> Any:
    meta = {"uid": "u", "namespace": "n", "name": "c", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z"}
    subject, chaos = {"type": "etcd", "namespace": "etcd"}, {"type": "node_kill"}
    made = {"metadata": meta, "spec": {"subject": subject, "chaos": chaos} | spec}
    return made if status is None else made | {"status": status}


def test_a_campaign_is_read_with_its_defaults() -> None:
    campaign = campaign_from_body(body())
    assert (campaign.ref.uid, campaign.ref.namespace, campaign.ref.name) == ("u", "n", "c")
    assert campaign.spec.trials == 8 and campaign.generation == 2
    assert campaign.created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_field_of_a_newer_version_does_not_matter() -> None:
    assert campaign_from_body(body(fromTheFuture=1)).spec.trials == 8


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidCampaign, match=r"is its CRD up to date\?.*trials: "):
        campaign_from_body(body(trials="many"))


def test_the_conditions_it_shows_already_are_kept() -> None:
    (kept,) = campaign_from_body(body({"conditions": [CONDITION]})).conditions
    assert (kept.type, kept.last_transition_time) == (ConditionType.ACCEPTED, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("status", [{}, {"conditions": None}, {"conditions": [CONDITION | {"type": "Strange"}]}])
def test_a_status_that_others_wrote_makes_no_campaign_unreadable(status: Any) -> None:
    assert campaign_from_body(body(status)).conditions == []
