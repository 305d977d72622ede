"""Two arms of one experiment take the subject in turns, and nobody comes between them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bench.scripted import Script
from controller.campaign import locks
from controller.records import AttemptSummary, Records
from subjects.protocol import SubjectError
from tests.emulator.objects import Key
from tests.emulator.stage import Stage, together
from tests.support.waiting import eventually

TURNS = ["a1", "b1", "b2", "a2", "a3", "b3", "b4", "a4"]


def arm(stage: Stage, name: str, **spec: Any) -> Key:
    """Create the campaign `name`, which is the arm of that name."""
    return stage.apply(name, **dict[str, Any](trials=4, interleave={"group": "g", "arm": name}) | spec)


def order(stage: Stage, *keys: Key) -> list[str]:
    """The attempts of these campaigns in the order in which they began, as `a1` for trial 1 of campaign a."""
    begun = [(each.started_at, f"{key[2]}{each.trial}") for key in keys for each in stage.attempts(key)]
    return [name for _, name in sorted(begun)]


async def begun(stage: Stage, key: Key, attempts: int) -> None:
    """Wait until so many of its attempts have begun."""
    await eventually(lambda: stage.status(key).get("phase") and len(stage.attempts(key)) >= attempts)


def finals(stage: Stage, *keys: Key) -> list[str]:
    """The same of attempts that ended for good."""
    ended = [(each.ended_at, f"{key[2]}{each.trial}") for key in keys for each in stage.attempts(key) if done(each)]
    return [name for _, name in sorted(ended)]


def done(attempt: AttemptSummary) -> bool:
    """Whether it has an outcome, and its trial is not run again."""
    return attempt.outcome is not None and not attempt.outcome.repeated


def requests_about(stage: Stage, name: str) -> int:
    """How often the API server was asked about this campaign: its object, its status, its Events."""
    return len([request for request in stage.api if request.name == name or f'"name": "{name}"' in str(request.body)])


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> list[None]:
    """One entry for each call of the method from now on."""
    calls: list[None] = []
    real = getattr(owner, method)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, method, counting)
    return calls


def flagged(stage: Stage, key: Key) -> list[int]:
    """The trials whose attempts are flagged as unpaired."""
    return [each.trial for each in stage.attempts(key) if "Unpaired" in each.flags]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that does not come at once does not come."""
    monkeypatch.setattr(locks, "PARTNER_SECONDS", 0.2)


async def test_two_arms_take_turns_and_a_third_campaign_gets_the_subject_only_afterwards(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await running.until(a, "Queued", "Running")
    other = running.apply("other")
    for key in (a, b, other):
        await running.until(key, "Complete")
    assert order(running, a, b, other) == [*TURNS, "other1"]
    attempts = sorted((each for key in (a, b) for each in running.attempts(key)), key=lambda each: each.started_at)
    assert all(before.ended_at <= after.started_at for before, after in pairwise(attempts))
    for trial in range(1, 5):
        assert len({each.target for each in attempts if each.trial == trial}) == 1, "pairs hit the same member"
    for key in (a, b):
        assert running.condition(key, "Interleaved") == ("True", "TakesTurns")
        assert flagged(running, key) == []


async def test_the_order_does_not_depend_on_which_arm_was_created_first(running: Stage) -> None:
    b = arm(running, "b")
    await running.until(b, "Queued")
    a = arm(running, "a")
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert order(running, a, b) == TURNS


async def test_an_arm_that_waits_says_whose_turn_it_is_and_asks_the_api_server_nothing(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = counted(monkeypatch, Records, "arms")
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.01)
    running.lab.scripts["subject"] = Script(heal_after=None)
    a, b = arm(running, "a", observeSeconds=600), arm(running, "b", observeSeconds=600)
    await running.until_hurt()
    waits = "waits for its turn: arm a runs trial 1"
    await eventually(lambda: running.status(b).get("message", "") == waits)
    assert running.condition(b, "Progressing") == ("False", "WaitsForTurn")
    await eventually(lambda: running.condition(b, "SubjectLocked") == ("False", "HeldByAnother"))
    await eventually(lambda: ("Normal", "WaitsForTurn") in running.events(b))
    before, since = requests_about(running, "b"), len(looks)
    await eventually(lambda: len(looks) > since + 200)
    assert requests_about(running, "b") <= before + 2, "but for what was on its way, looking asks nothing"
    for key in (a, b):
        running.change(key, abort=True)
        await running.until(key, "Aborted")


async def test_the_turns_change_no_phase_and_post_no_events(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    for key in (a, b):
        await running.until(key, "Complete")
        events = [("Normal", "TrialsRunning"), *[("Normal", "TrialSelfHealed")] * 4, ("Normal", "AllTrialsDone")]
        await eventually(lambda key=key: ("Normal", "AllTrialsDone") in running.events(key))  # type: ignore[misc]
        # One Event at most says that it waits at first, in whichever phase it was when the other one had the subject.
        assert running.events(key) in (events, [("Normal", "WaitsForTurn"), *events])
        assert [phase for phase in running.phases(key) if phase not in ("Pending", "Queued")] == ["Running", "Complete"]


async def test_a_running_arm_says_that_it_waits_and_stays_running(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await begun(running, b, 2)  # b ran 1 and 2: the next turns are a's
    running.change(a, suspend=True)
    waits = "4 trials of node_kill on scripted in subject; waits for its turn: arm a (campaign default/a) is Suspended"
    await running.until(a, "Suspended")
    await eventually(lambda: running.status(b)["message"] == waits)
    assert running.status(b)["phase"] == "Running" and running.condition(b, "Progressing") == ("True", "WaitsForTurn")
    assert running.locks() == ["default/b"]
    running.change(a, suspend=False)
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert order(running, a, b) == TURNS and flagged(running, b) == []


async def test_when_both_are_suspended_the_subject_is_free_and_resumed_they_go_on_in_their_order(
    running: Stage,
) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await begun(running, b, 1)
    for key in (a, b):
        running.change(key, suspend=True)
    await together(running.until(a, "Suspended"), running.until(b, "Suspended"))
    assert running.locks() == []
    other = running.apply("other")
    await running.until(other, "Complete")
    for key in (b, a):
        running.change(key, suspend=False)
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert order(running, a, b) == TURNS


@pytest.mark.parametrize("how", ["aborted", "deleted"])
async def test_when_one_ends_the_other_goes_on_alone_and_says_so(running: Stage, how: str) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await begun(running, b, 2)
    other = running.apply("other")
    uid = running.row(a).uid
    await eventually(lambda: len(running.attempts(a, uid)) == 3)
    running.lab.scripts["subject"].heal_after = 0.05
    await eventually(lambda: datetime.now(UTC) > running.row(b).created_at + timedelta(seconds=1))
    if how == "aborted":
        running.change(a, abort=True)
        await running.until(a, "Aborted")
    else:
        running.delete(a)
        await running.gone(a)
    done = [each.trial for each in running.attempts(a, uid) if each.outcome == "SelfHealed"]
    status = await running.until(b, "Complete")
    alone = [trial for trial in (3, 4) if trial not in done]
    assert flagged(running, b) == alone
    await running.until(other, "Complete")
    assert order(running, b, other)[-1] == "other1", "the subject went to the other arm first"
    if alone:
        assert running.condition(b, "Interleaved") == ("False", "PartnerEnded")
        assert status["message"].endswith(f"without pairs from trial {alone[0]} on")
        assert [each["reason"] for each in running.warnings(b)] == ["PartnerEnded"]


async def test_an_arm_whose_partner_is_never_created_waits_for_it_and_then_goes_alone(
    running: Stage, impatient: None
) -> None:
    a = arm(running, "a", trials=2)
    await running.until(a, "Complete")
    assert ("Normal", "WaitsForTurn") in running.events(a)
    assert running.condition(a, "Interleaved") == ("False", "PartnerMissing") and flagged(running, a) == [1, 2]
    (said,) = running.warnings(a)
    assert said["message"].startswith("goes on alone from trial 1, without pairs: the other arm of its group was not")


async def test_an_arm_that_comes_when_the_other_has_gone_alone_goes_alone_too(running: Stage, impatient: None) -> None:
    a = arm(running, "a")
    await begun(running, a, 2)
    b = arm(running, "b")
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert flagged(running, a) == flagged(running, b) == [1, 2, 3, 4]
    assert running.condition(a, "Interleaved") == ("False", "PartnerMissing")
    assert order(running, a, b) == ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"]


async def test_a_group_that_is_used_again_waits_for_its_new_partner(running: Stage) -> None:
    old = [arm(running, "a", trials=1), arm(running, "b", trials=1)]
    await together(*(running.until(key, "Complete") for key in old))
    for key in old:
        running.delete(key)
        await running.gone(key)
    a = arm(running, "a")
    await eventually(lambda: "is not there yet" in running.status(a).get("message", ""))
    b = arm(running, "b")
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert order(running, a, b) == TURNS


@pytest.mark.parametrize(
    ("spec", "reason", "said"),
    [
        ({"seed": 7}, "PartnerDiffers", "differs in seed"),
        ({"trials": 3}, "PartnerDiffers", "differs in trials"),
        ({"params": {"count": 2}, "allowQuorumLoss": True}, "PartnerDiffers", "chaos.params.count, allowQuorumLoss"),
    ],
)
async def test_arms_that_do_not_ask_the_same_go_alone_and_say_what_differs(
    running: Stage, spec: dict[str, Any], reason: str, said: str
) -> None:
    running.lab.scripts["subject"] = Script(ready=False)  # until both are there
    a, b = arm(running, "a"), arm(running, "b", **spec)
    await together(running.until(a, "Pending"), running.until(b, "Pending"))
    running.lab.scripts["subject"].ready = True
    for key in (a, b):
        await running.until(key, "Complete")
        assert running.condition(key, "Interleaved") == ("False", reason)
        assert said in running.warnings(key)[0]["message"]
    one_after_the_other = [name for key in (a, b) for name in order(running, key)]
    assert order(running, a, b) in (one_after_the_other, [*one_after_the_other[4:], *one_after_the_other[:4]])


async def test_a_third_member_and_an_arm_that_is_there_already_do_not_break_up_the_two(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await begun(running, b, 1)
    await asyncio.sleep(1.1)  # Kubernetes counts ages in seconds: these two are younger
    third, again = arm(running, "z"), arm(running, "again", interleave={"group": "g", "arm": "b"})
    for key in (a, b, third, again):
        await running.until(key, "Complete")
    assert order(running, a, b, third, again)[:8] == TURNS
    assert running.condition(third, "Interleaved") == ("False", "GroupFull")
    assert running.condition(again, "Interleaved") == ("False", "ArmTaken")


async def test_the_attempts_of_a_trial_belong_to_one_turn(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(reset_errors=[SubjectError("not now"), SubjectError("nor now")])
    a, b = arm(running, "a"), arm(running, "b")
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert order(running, a, b) == ["a1", "a1", *TURNS]


async def test_the_subject_is_left_in_peace_after_the_other_arms_trial_too(running: Stage) -> None:
    a, b = arm(running, "a", cooldownSeconds=0.3), arm(running, "b", cooldownSeconds=0.3)
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    attempts = sorted((each for key in (a, b) for each in running.attempts(key)), key=lambda each: each.started_at)
    pauses = [(after.started_at - before.ended_at).total_seconds() for before, after in pairwise(attempts)]
    assert len(pauses) == 7 and min(pauses) >= 0.3


async def test_while_a_cleanup_has_failed_nobody_of_the_group_goes_on(running: Stage) -> None:
    running.lab.scripts["subject"] = Script(cleanup_error=SubjectError("it will not go"), reset_takes=1.0)
    a, b = arm(running, "a"), arm(running, "b")
    await running.until(a, "Failed")
    await eventually(lambda: "has ended and keeps the subject" in running.status(b).get("message", ""))
    assert running.locks() == ["default/a"] and running.attempts(b) == []
    running.lab.scripts["subject"].cleanup_error = None
    running.delete(a)
    await running.gone(a)
    await running.until(b, "Complete")
    assert running.condition(b, "Interleaved") == ("False", "PartnerEnded")


async def test_restarted_in_mid_turn_they_go_on_in_their_order(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    for attempts in (1, 3):
        await begun(running, b, attempts)
        await running.stop()
        await running.start()
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    assert finals(running, a, b) == TURNS
    assert flagged(running, a) == flagged(running, b) == []


async def test_a_restart_keeps_what_was_said_of_the_turns(running: Stage) -> None:
    a, b = arm(running, "a"), arm(running, "b")
    await together(running.until(a, "Complete"), running.until(b, "Complete"))
    await running.stop()
    await running.start()
    later = running.apply("later")
    await running.until(later, "Complete")
    assert running.condition(a, "Interleaved") == running.condition(b, "Interleaved") == ("True", "TakesTurns")
