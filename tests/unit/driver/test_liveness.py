"""When a driver counts as alive, and when its status is written anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from controller.api import CampaignSpec, CurrentAttempt, Step
from controller.campaign.control import GRACE, Heartbeat
from controller.campaign.driver import CampaignDriver
from controller.campaign.phases import Campaign, CampaignState
from controller.kube import CampaignRef
from tests.unit.driver.samples import at, row, tally

SPEC = CampaignSpec(subject={"type": "etcd", "namespace": "etcd"}, chaos={"type": "node_kill"})


def driver() -> tuple[CampaignDriver, list[Any]]:
    written: list[Any] = []
    services: Any = SimpleNamespace(
        now=lambda: at(0),
        status_writer=lambda ref: SimpleNamespace(write=written.append),
        event_recorder=lambda ref: SimpleNamespace(),
    )
    made = CampaignDriver(services, Campaign(CampaignRef("u", "n", "c"), SPEC, 1, at(0)))
    made._state = CampaignState(SPEC, row(), tally(), 1, at(0))
    return made, written


def test_a_step_has_until_its_deadline_and_some_grace() -> None:
    made, _ = driver()
    made._show_step(CurrentAttempt(trial=1, attempt=1, step=Step.RESET, since=at(0), deadline=at(120)))
    assert made.due_at == at(120) + GRACE


def test_who_repeats_itself_is_alive_and_nothing_is_published_twice() -> None:
    made, written = driver()
    current = CurrentAttempt(trial=1, attempt=1, step=Step.CLEANUP, since=at(0), deadline=at(-500))
    made._show_step(current)
    made._show_step(current)
    assert made.due_at == at(0) + GRACE
    assert len(written) == 1


def test_who_has_only_its_last_status_left_is_never_overdue() -> None:
    heartbeat = Heartbeat(lambda: at(0))
    heartbeat.rest()
    assert heartbeat.due_at > at(10**9)


def test_waiting_for_the_records_keeps_a_deadline_that_is_later() -> None:
    heartbeat = Heartbeat(lambda: at(0))
    heartbeat.beat(at(500))
    heartbeat.extend()
    assert heartbeat.due_at == at(500) + GRACE
