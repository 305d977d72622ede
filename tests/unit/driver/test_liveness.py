"""When a driver counts as alive."""

from __future__ import annotations

from types import SimpleNamespace

from controller.api import CampaignSpec, Current, Step
from controller.campaign.board import GRACE, Board, Campaign
from controller.kube import CampaignRef
from tests.unit.driver.samples import at, row, tally


def board():
    spec = CampaignSpec(subject={"type": "etcd", "namespace": "etcd"}, chaos={"type": "node_kill"})
    shown = []
    services = SimpleNamespace(now=lambda: at(0))
    made = Board(services, Campaign(CampaignRef("u", "n", "c"), spec, 1, at(0)), SimpleNamespace(show=shown.append))
    made.row, made.tally = row(), tally()
    return made, shown


def test_a_step_has_until_its_deadline_and_some_grace():
    made, _ = board()
    made.show(Current(trial=1, attempt=1, step=Step.RESET, since=at(0), deadline=at(120)))
    assert made.due_at == at(120) + GRACE


def test_who_repeats_itself_is_alive_and_nothing_is_published_twice():
    made, shown = board()
    current = Current(trial=1, attempt=1, step=Step.CLEANUP, since=at(0), deadline=at(-500))
    made.show(current)
    made.show(current)
    assert made.due_at == at(0) + GRACE
    assert len(shown) == 1


def test_who_has_only_its_last_status_left_is_never_overdue():
    made, _ = board()
    made.rest()
    assert made.due_at > at(10**9)
