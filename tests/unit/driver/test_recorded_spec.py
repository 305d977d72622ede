"""A campaign that was recorded by an earlier version goes on as it was asked, whatever the defaults are by now."""

from __future__ import annotations

from dataclasses import replace

from controller.api import Phase
from controller.campaign.phases import spec_as_recorded
from controller.records.arms import comparison_hash
from tests.unit.driver.samples import row
from tests.unit.records.samples import spec


def test_one_that_was_recorded_before_there_were_quiet_periods_goes_on_without() -> None:
    today = spec()
    recorded = today.model_dump(mode="json", by_alias=True)
    before = {name: value for name, value in recorded.items() if name != "quietPeriod"}
    going_on = spec_as_recorded(today, replace(row(Phase.RUNNING), spec=before))
    assert (going_on.quiet_period.min_seconds, going_on.quiet_period.max_seconds) == (0, 0)
    assert comparison_hash(going_on.model_dump(mode="json", by_alias=True)) == comparison_hash(before)
    assert spec_as_recorded(today, replace(row(Phase.RUNNING), spec=recorded)) is today
