"""Deleting a campaign: at any moment, with the controller up or down, nothing of it stays behind in the subject."""

from __future__ import annotations

from bench.scripted import Script
from tests.emulator.stage import Stage, together


async def test_deleted_in_mid_observation_it_is_undone_and_aborted(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    key = running.apply(observeSeconds=60)
    await running.until_hurt()
    running.delete(key)
    await running.gone(key)
    assert running.clean() and running.locks() == []
    assert running.outcomes(key) == [(1, 1, "Aborted")]
    assert running.row(key).deleted_at is not None


async def test_deleted_while_queued_it_leaves_the_line(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    holder = running.apply("holder", observeSeconds=60)
    await running.until(holder, "Running")
    queued = running.apply("queued")
    await running.until(queued, "Queued")
    running.delete(queued)
    await running.gone(queued)
    assert running.attempts(queued) == []
    running.delete(holder)
    await running.gone(holder)
    assert running.locks() == []


async def test_the_next_in_line_runs_when_the_holder_is_deleted(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(heal_after=None)
    holder = running.apply("holder", observeSeconds=60)
    await running.until_hurt()
    following = running.apply("following")
    await running.until(following, "Queued")
    running.lab.scripts["subject"].heal_after = 0.05
    running.delete(holder)
    await together(running.gone(holder), running.until(following, "Complete"))


async def test_deleted_as_soon_as_they_are_created_campaigns_go_without_a_trace(running: Stage) -> None:
    names = [f"brief-{i}" for i in range(5)]
    for name in names:
        running.namespace(name)
    keys = [running.apply(name, subject=name) for name in names]
    for key in keys:
        running.delete(key)
    await together(*(running.gone(key) for key in keys))
    last = running.apply("last")
    await running.until(last, "Complete")
    assert all(running.clean(name) for name in names) and running.locks() == []
    assert running.unfinished_business() == []


async def test_deleted_while_the_controller_was_away_it_is_let_go_at_the_start(running: Stage) -> None:
    done, waiting = running.apply("done"), running.apply("waiting", subject="nowhere")
    await together(running.until(done, "Complete"), running.until(waiting, "Pending"))
    await running.stop()
    never_seen = running.apply("never-seen")
    for key in (done, waiting, never_seen):
        running.delete(key)
    await running.start()
    await together(*(running.gone(key) for key in (done, waiting, never_seen)))
    assert running.row(done).deleted_at is not None and running.row(waiting).deleted_at is not None
    assert running.unfinished_business() == []
