"""The subject's lock goes from one arm to the other, with nobody between, and only to one that can use it."""

from __future__ import annotations

import pytest

from controller.api import Outcome, Phase
from controller.records import Records
from controller.records.locks import workload_key
from controller.records.rows import Flag
from tests.unit.records.samples import at, spec

SUBJECT = "etcd/etcd-lab"


@pytest.fixture
async def arms(records: Records) -> Records:
    """Campaigns `a`, which has the subject, and `b`, which waits for it, in one group."""
    for name in "ab":
        asked = spec(interleave={"group": "g", "arm": name})
        await records.ensure_campaign(name, "default", name, asked, at(0))
        await records.set_phase(name, Phase.QUEUED, "WaitsForTurn", "", at(1))
    await records.acquire_locks(SUBJECT, "a", "default/a", at(1))
    return records


async def holder(records: Records) -> list[str]:
    return [uid for uid in "ab" if await records.lock_of(uid) is not None]


async def test_each_sees_the_other_and_how_far_it_has_come(arms: Records) -> None:
    row = await arms.open_attempt("b", 1, 1, at(2), [Flag.UNPAIRED])
    await arms.end_attempt(row.id, Outcome.SELF_HEALED, at=at(3))
    seen = await arms.arms("a")
    assert (seen.mine.name, seen.mine.tally.next_trial) == ("a", 1)
    assert seen.partner is not None and (seen.partner.title, seen.partner.tally.next_trial) == ("default/b", 2)
    assert seen.partner.tally.unpaired_from == 1 and seen.mine.tally.unpaired_from is None


async def test_a_campaign_without_a_group_and_one_of_another_namespace_are_nobodys_partner(arms: Records) -> None:
    await arms.ensure_campaign("c", "default", "c", spec(), at(0))
    await arms.ensure_campaign("d", "elsewhere", "d", spec(interleave={"group": "g", "arm": "b"}), at(0))
    assert [(await arms.arms(uid)).partner for uid in "cd"] == [None, None]


@pytest.mark.parametrize("ended", [5, 9.9], ids=["before", "in the same second, which is all that Kubernetes says"])
async def test_one_that_had_ended_before_the_campaign_was_made_is_not_its_partner(arms: Records, ended: float) -> None:
    for name in "ab":
        await arms.set_phase(name, Phase.COMPLETE, "AllTrialsDone", "", at(ended))
    await arms.ensure_campaign("new", "default", "new", spec(interleave={"group": "g", "arm": "a"}), at(9))
    new = await arms.arms("new")
    assert (new.partner, new.no_partner) == (None, None)
    partner = (await arms.arms("a")).partner
    assert partner is not None and partner.title == "default/b"


async def test_it_is_handed_to_one_that_waits_for_it_or_runs(arms: Records) -> None:
    assert await arms.transfer_locks("a", "b", at(2))
    lock = await arms.lock_of("b")
    assert (lock.campaign, lock.since) == ("default/b", at(2)) and await arms.lock_of("a") is None
    await arms.set_phase("a", Phase.RUNNING, "TrialsRunning", "", at(3))
    assert await arms.transfer_locks("b", "a", at(4)) and await holder(arms) == ["a"]


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.SUSPENDED, Phase.ABORTED])
async def test_it_is_not_handed_to_one_that_cannot_use_it(arms: Records, phase: Phase) -> None:
    await arms.set_phase("b", phase, "Because", "", at(2))
    assert not await arms.transfer_locks("a", "b", at(3)) and await holder(arms) == ["a"]


async def test_who_does_not_have_it_hands_nothing_over(arms: Records) -> None:
    assert not await arms.transfer_locks("b", "a", at(2)) and await holder(arms) == ["a"]


@pytest.mark.parametrize("phase", [Phase.COMPLETE, Phase.FAILED, Phase.ABORTED, Phase.SUSPENDED])
async def test_who_lets_go_of_it_leaves_it_to_the_other_arm(arms: Records, phase: Phase) -> None:
    await arms.set_phase("a", phase, "Because", "", at(2))
    assert await holder(arms) == ["b"]


async def test_who_lets_go_of_it_when_the_other_cannot_use_it_frees_it(arms: Records) -> None:
    await arms.set_phase("b", Phase.SUSPENDED, "Suspended", "", at(2))
    await arms.set_phase("a", Phase.SUSPENDED, "Suspended", "", at(3))
    assert await holder(arms) == []


async def test_one_that_is_deleted_leaves_it_to_the_other_arm_unless_it_is_owed(arms: Records) -> None:
    await arms.mark_deleted("a", at(2), keep_lock=True)
    assert await holder(arms) == ["a"]
    await arms.mark_deleted("a", at(3))
    assert await holder(arms) == ["b"]


async def test_a_cleanup_that_failed_keeps_it_from_both(arms: Records) -> None:
    row = await arms.open_attempt("a", 1, 1, at(2))
    await arms.end_attempt(row.id, Outcome.NOT_HEALED, at=at(3), cleanup_failed="it will not go")
    assert await holder(arms) == ["a"] and (await arms.get_campaign("a")).phase is Phase.FAILED


AGENT = workload_key("agents", "fixer")


async def locked(records: Records) -> dict[str, str]:
    return {lock.subject: lock.campaign_uid for lock in await records.locks()}


async def test_the_agents_deployment_changes_hands_together_with_the_subject(arms: Records) -> None:
    await arms.acquire_locks(SUBJECT, "a", "default/a", at(2), [AGENT])
    assert await arms.transfer_locks("a", "b", at(3))
    assert await locked(arms) == {SUBJECT: "b", AGENT: "b"}
    await arms.set_phase("b", Phase.COMPLETE, "AllTrialsDone", "", at(4))
    assert await locked(arms) == {SUBJECT: "a", AGENT: "a"}
    await arms.set_phase("a", Phase.COMPLETE, "AllTrialsDone", "", at(5))
    assert await locked(arms) == {}


async def test_all_is_taken_or_nothing_and_who_gets_nothing_keeps_nothing(arms: Records) -> None:
    await arms.ensure_campaign("c", "elsewhere", "c", spec(), at(0))
    assert (await arms.acquire_locks("etcd/other", "c", "elsewhere/c", at(2), [AGENT])).campaign_uid == "c"
    blocked = await arms.acquire_locks(SUBJECT, "a", "default/a", at(3), [AGENT])
    assert (blocked.subject, blocked.campaign) == (AGENT, "elsewhere/c")
    assert await locked(arms) == {"etcd/other": "c", AGENT: "c"}


async def test_a_subject_that_could_not_be_cleaned_up_stays_locked_and_the_agent_is_free(arms: Records) -> None:
    await arms.acquire_locks(SUBJECT, "a", "default/a", at(2), [AGENT])
    row = await arms.open_attempt("a", 1, 1, at(3))
    await arms.end_attempt(row.id, Outcome.NOT_HEALED, at=at(4), cleanup_failed="it will not go")
    assert await locked(arms) == {SUBJECT: "a"}


async def test_the_locks_are_there_after_a_restart(arms: Records, url: str) -> None:
    await arms.acquire_locks(SUBJECT, "a", "default/a", at(2), [AGENT])
    await arms.close()
    again = await Records.open(url)
    assert await locked(again) == {SUBJECT: "a", AGENT: "a"}
    await again.close()
