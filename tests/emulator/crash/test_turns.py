"""Two arms whose controller is killed again and again: their turns go on in their order, and no pair is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.crash.mortalstage import MortalStage, mortal_stage
from tests.emulator.objects import Key
from tests.support.points import APPLIED, ENDED, HANDED

ARMS = ("a", "b")
LIVES = 30


def both_complete(stage: MortalStage, keys: list[Key]) -> bool:
    return all(stage.status(key).get("phase") == "Complete" for key in keys)


@pytest.mark.parametrize("point", [ENDED, HANDED])
async def test_killed_wherever_a_turn_passes_on_they_keep_their_order(point: str, tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        keys = [stage.apply(arm, trials=3, interleave={"group": "g", "arm": arm}) for arm in ARMS]
        # In the first life only the arms are there: who starts first of three that are new at once is anybody's guess.
        await stage.run_until(die=point)
        third = stage.apply("third")
        lives = 1
        while not both_complete(stage, [*keys, third]):
            lives += 1
            assert lives < LIVES, f"{stage.status(keys[0])}, {stage.status(keys[1])}"
            await stage.run_until(lambda: both_complete(stage, [*keys, third]), die=point)
        attempts = [
            (each.started_at, f"{key[2]}{each.trial}") for key in [*keys, third] for each in stage.attempts(key)
        ]
        assert [name for _, name in sorted(attempts)] == ["a1", "b1", "b2", "a2", "a3", "b3", "third1"]
        assert lives > 2, "it was never killed"
        assert stage.locks() == [] and stage.world.read()["down"] is None
        assert all(stage.condition(key, "Interleaved") == ("True", "TakesTurns") for key in keys)


async def test_killed_with_a_fault_in_place_the_trial_is_run_again_in_the_same_turn(tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        keys = [stage.apply(arm, trials=2, interleave={"group": "g", "arm": arm}) for arm in ARMS]
        await stage.run_until(die=APPLIED)
        await stage.run_until(lambda: both_complete(stage, keys))
        attempts = [(each.started_at, f"{key[2]}{each.trial}") for key in keys for each in stage.attempts(key)]
        assert [name for _, name in sorted(attempts)] == ["a1", "a1", "b1", "b2", "a2"]
