"""One attempt, run for real on a scripted subject with real records: whatever happens, the row says what did."""

import asyncio
from typing import Any

import pytest

from bench.scripted import AWAY, Script
from controller.api import Outcome, Phase, Step
from controller.attempt.attempt import trial_seed
from controller.attempt.injection import CleanupFailed
from controller.attempt.outcome import StopReason
from subjects.protocol import ChaosRefused, SubjectError
from tests.unit.attempt.conftest import UID, spec

OTHER = "5f1e6a0e-0000-4000-8000-000000000002"

STEPS = [step.value for step in Step if step not in (Step.START_AGENT, Step.QUIET_PERIOD)]


async def when(condition: Any, message: str = "it never came to that") -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(message)


async def test_a_subject_that_heals_itself_leaves_a_complete_record(bench: Any) -> None:
    outcome, row = await bench.run(Script(hurt_after=0.0, heal_after=0.05))
    assert outcome is row.outcome is Outcome.SELF_HEALED
    assert row.started_at <= row.chaos_injected_at <= row.manifested_at <= row.recovered_at <= row.ended_at
    assert 0.05 <= row.time_to_recover < 0.4
    assert row.fault["targets"][0]["name"] in row.initial_state["members"]
    assert (
        row.initial_state["members"][row.target]
        == row.fault["targets"][0]["uid"]
        != row.final_state["members"][row.target]
    )
    assert row.error is None


async def test_every_step_is_committed_in_its_order(bench: Any) -> None:
    _, row = await bench.run()
    entered = [event.step.value for event in bench.events(row) if event.kind == "step"]
    assert [*entered, bench.events(row)[-1].step.value] == STEPS


async def test_the_verdicts_are_kept_as_changes(bench: Any) -> None:
    _, row = await bench.run(Script(heal_after=0.1))
    told = [event.detail["healthy"] for event in bench.events(row) if event.kind == "verdict"]
    assert told == [False, True]


async def test_a_subject_that_stays_broken_is_not_healed_and_undone_afterwards(bench: Any) -> None:
    outcome, row = await bench.run(Script(heal_after=None))
    assert outcome is Outcome.NOT_HEALED
    assert row.recovered_at is None
    assert not bench.world.hurt and bench.world.cleanups == 1


@pytest.mark.parametrize("error", [None, AWAY, SubjectError("PD does not answer"), TimeoutError()])
async def test_what_an_attempt_leaves_is_noted_once_its_fault_is_undone_whether_or_not_that_can_be_seen(
    bench: Any, error: Any
) -> None:
    outcome, _ = await bench.run(Script(heal_after=None, end_error=error))
    assert outcome is Outcome.NOT_HEALED
    assert bench.world.ends == [None]


async def test_a_fault_that_never_shows_is_not_a_success(bench: Any) -> None:
    outcome, row = await bench.run(Script(hurt_after=None))
    assert outcome is Outcome.NOT_MANIFESTED
    assert row.manifested_at is None


async def test_lost_sight_is_an_infra_error_and_says_so(bench: Any) -> None:
    outcome, row = await bench.run(Script(heal_after=0.4, blind_between=(0.05, 0.4)), spec(max_blind_seconds=0.2))
    assert outcome is Outcome.INFRA_ERROR
    assert "SightLost" in row.error
    assert row.blind_seconds > 0.2


async def test_an_unhealthy_subject_is_never_injected_into(bench: Any) -> None:
    quick = spec(deadlines={"healthy_seconds": 0.1})
    outcome, row = await bench.run(Script(healthy_at_first=False), quick)
    assert outcome is Outcome.INFRA_ERROR
    assert row.error == "await_healthy was not done within 0.1 s: m-0 is down"
    assert bench.world.injected == [] and row.fault is None


async def test_a_hiccup_just_before_the_injection_has_to_settle_first(bench: Any) -> None:
    settle = 0.1
    attempt = await bench.attempt(Script(), spec(settle_seconds=settle))
    running = asyncio.create_task(attempt.run(bench.stop))
    await when(lambda: bench.told and bench.told[-1].step is Step.AWAIT_HEALTHY)
    await asyncio.sleep(settle / 2)
    bench.world.hurt = True
    await when(lambda: bench.told[-1].step is Step.INJECT)
    await asyncio.sleep(0.05)
    assert bench.world.injected == []
    bench.world.hurt = False
    bench.world.touch()
    healed_at = bench.clock.now()
    assert await running is Outcome.SELF_HEALED
    assert ((await bench.row()).chaos_injected_at - healed_at).total_seconds() >= settle


async def test_a_refused_injection_is_an_infra_error(bench: Any) -> None:
    outcome, row = await bench.run(Script(inject_error=ChaosRefused("m-1 is another one now")))
    assert outcome is Outcome.INFRA_ERROR
    assert row.chaos_injected_at is None and row.fault is not None


@pytest.mark.parametrize("error", [AWAY, RuntimeError("boom")])
async def test_an_injection_of_which_nobody_knows_is_undone_and_interrupted(bench: Any, error: Any) -> None:
    outcome, row = await bench.run(Script(inject_error=error))
    assert outcome is Outcome.INTERRUPTED
    assert str(error) in row.error
    assert bench.world.cleanups == 1


async def test_an_injection_that_hangs_is_undone_and_interrupted(bench: Any) -> None:
    quick = spec(deadlines={"inject_seconds": 0.1})
    outcome, _ = await bench.run(Script(inject_hangs=True), quick)
    assert outcome is Outcome.INTERRUPTED
    assert bench.world.cleanups == 1


async def test_the_plan_is_committed_before_anything_is_touched(bench: Any) -> None:
    attempt = await bench.attempt(Script(inject_hangs=True))
    running = asyncio.create_task(attempt.run(bench.stop))
    await when(lambda: bench.told and bench.told[-1].step is Step.INJECT)
    await asyncio.sleep(0.05)
    (row,) = await bench.records.unfinished(UID)
    assert row.fault is not None and row.chaos_injected_at is None
    assert row.step is Step.INJECT and row.initial_state is not None
    bench.stop.fire(StopReason.EXITING)
    await running


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (StopReason.ABORTED, Outcome.ABORTED),
        (StopReason.DELETED, Outcome.ABORTED),
        (StopReason.OVERDUE, Outcome.ABORTED),
        (StopReason.EXITING, Outcome.INTERRUPTED),
    ],
)
async def test_told_to_stop_in_mid_observation_it_undoes_the_fault_and_closes_the_row(
    bench: Any, reason: Any, outcome: Any
) -> None:
    attempt = await bench.attempt(Script(heal_after=None), spec(observe_seconds=60))
    running = asyncio.create_task(attempt.run(bench.stop))
    await when(lambda: bench.told and bench.told[-1].step is Step.OBSERVE)
    await asyncio.sleep(0.05)
    bench.stop.fire(reason)
    assert await running is outcome
    row = await bench.row()
    assert row.outcome is outcome and row.manifested_at is not None
    assert not bench.world.hurt


async def test_an_attempt_has_a_limit_in_all_and_its_fault_is_undone_however_long_that_takes(bench: Any) -> None:
    limited = spec(observe_seconds=60, deadlines={"attempt_seconds": 1})
    outcome, row = await bench.run(Script(heal_after=None, cleanup_takes=1.1), limited)
    assert outcome is Outcome.INFRA_ERROR
    assert row.error == f"the attempt was not done within 1 s: {row.target} is down"
    assert bench.world.cleanups == 1 and not bench.world.hurt


async def test_a_failing_final_capture_costs_the_state_but_not_the_outcome(bench: Any) -> None:
    script = Script()
    attempt = await bench.attempt(script)
    running = asyncio.create_task(attempt.run(bench.stop))
    await when(lambda: bench.told and bench.told[-1].step is Step.OBSERVE)
    script.capture_error = SubjectError("no answer")
    assert await running is Outcome.SELF_HEALED
    row = await bench.row()
    assert row.final_state is None and row.error == "no answer"


async def test_a_cleanup_that_fails_closes_the_row_and_is_raised(bench: Any) -> None:
    attempt = await bench.attempt(Script(cleanup_error=SubjectError("the pod will not go")))
    with pytest.raises(CleanupFailed, match="the pod will not go"):
        await attempt.run(bench.stop)
    row = await bench.row()
    assert row.outcome is Outcome.SELF_HEALED
    assert "the pod will not go" in row.error


async def test_a_cleanup_that_failed_is_known_to_the_next_process_whenever_this_one_ends(bench: Any) -> None:
    attempt = await bench.attempt(Script(cleanup_error=SubjectError("the pod will not go")))
    await bench.records.acquire_locks("scripted/s", UID, "default/c", bench.clock.now())
    with pytest.raises(CleanupFailed):
        await attempt.run(bench.stop)
    campaign = await bench.records.get_campaign(UID)
    assert (campaign.phase, campaign.reason) == (Phase.FAILED, "CleanupFailed")
    other = await bench.records.ensure_campaign(OTHER, "default", "d", spec(), bench.clock.now())
    lock = await bench.records.acquire_locks("scripted/s", other.uid, "default/d", bench.clock.now())
    assert lock.campaign_uid == UID


async def test_a_harmless_step_waits_for_the_api_server(bench: Any) -> None:
    outcome, _ = await bench.run(Script(reset_errors=[AWAY]))
    assert outcome is Outcome.SELF_HEALED
    assert "the API server is away" in [current.message for current in bench.told if current.step is Step.RESET]


def test_the_same_seed_meets_the_same_target_in_every_campaign() -> None:
    assert trial_seed(7, 1) == trial_seed(7, 1)
    assert len({trial_seed(7, trial) for trial in range(1000)}) == 1000
    assert all(0 <= trial_seed(2**53 - 1, trial) < 2**48 for trial in range(100))
