"""What a record does not know is told as that."""

from __future__ import annotations

import pytest

from controller.api import Step
from controller.cli.results.timeline import _verdict, service_unknown
from controller.records import Event
from tests.unit.records.samples import at


def verdict(seconds: float, serving: bool | None) -> Event:
    return Event(Step.OBSERVE, at(seconds), "verdict", {"serving": serving, "healthy": False, "problems": []})


AFTERWARDS = Event(Step.CAPTURE_FINAL, at(60), "step")


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([verdict(1, False), verdict(2, True), AFTERWARDS], None),
        ([verdict(1, False), verdict(2, None), verdict(5, True), AFTERWARDS], (at(2), 3)),
        ([verdict(1, True), verdict(2, None), verdict(3, None), verdict(5, False), AFTERWARDS], (at(2), 3)),
        ([verdict(2, None), verdict(3, True), verdict(10, None), AFTERWARDS], (at(2), 51)),
        ([verdict(2, None)], (at(2), 0)),
        ([Event(Step.OBSERVE, at(2), "verdict", {"cut": "{"}), AFTERWARDS], None),
    ],
    ids=["never", "between", "for another reason", "up to the end", "now", "a verdict too long to keep"],
)
def test_how_long_nobody_knew_whether_clients_were_served(
    events: list[Event], told: tuple[object, float] | None
) -> None:
    assert service_unknown(events) == told


@pytest.mark.parametrize("name", ["healthy", "whole"])
def test_a_verdict_of_an_earlier_version_is_told_like_todays(name: str) -> None:
    assert _verdict({"serving": True, name: False, "problems": []}) == "serving yes, healthy no"
