"""Campaigns on different subjects do not wait for each other, however many there are."""

from __future__ import annotations

from bench.scripted import Script
from tests.emulator.stage import Stage

SUBJECTS = [f"subject-{number}" for number in range(20)]


async def test_twenty_subjects_are_broken_side_by_side_each_by_its_own_campaign(running: Stage) -> None:
    for subject in SUBJECTS:
        running.namespace(subject)
        running.lab.scripts[subject] = Script(heal_after=None)
    keys = [running.apply(f"on-{subject}", subject, observeSeconds=600) for subject in SUBJECTS]
    for subject in SUBJECTS:
        await running.until_hurt(subject)
    # All are broken at once, and none of them heals: each of the campaigns is in the middle of its trial.
    assert len(running.locks()) == len(SUBJECTS)
    assert [running.status(key)["phase"] for key in keys] == ["Running"] * len(SUBJECTS)
    for key in keys:
        running.change(key, abort=True)
    for key in keys:
        await running.until(key, "Aborted")
    assert [running.outcomes(key) for key in keys] == [[(1, 1, "Aborted")]] * len(SUBJECTS)
    assert [len(running.lab.worlds[subject].injected) for subject in SUBJECTS] == [1] * len(SUBJECTS)
    assert all(running.clean(subject) for subject in SUBJECTS) and running.locks() == []


async def test_twenty_campaigns_on_twenty_subjects_all_complete_with_their_own_rows(running: Stage) -> None:
    for subject in SUBJECTS:
        running.namespace(subject)
    keys = [running.apply(f"on-{subject}", subject, trials=2) for subject in SUBJECTS]
    for key in keys:
        await running.until(key, "Complete", "Failed")
    assert [running.outcomes(key) for key in keys] == [[(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]] * len(SUBJECTS)
    for subject, key in zip(SUBJECTS, keys, strict=True):
        planned = [attempt.fault["targets"][0]["uid"] for attempt in running.attempts(key) if attempt.fault]
        assert planned == [fault.targets[0].uid for fault in running.lab.worlds[subject].injected]
