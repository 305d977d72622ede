from __future__ import annotations

import pytest

from controller.api import Mode, Phase
from controller.records import Records
from controller.records.arms import comparison_hash
from tests.unit.records.samples import at, spec


async def test_ensuring_a_campaign_twice_keeps_the_first_row(records: Records) -> None:
    first = await records.get_campaign("uid-1")
    again = await records.ensure_campaign("uid-1", "default", "demo", spec(trials=9), at(99))
    assert again == first


async def test_a_new_campaign_is_pending_and_decoded(records: Records) -> None:
    row = await records.get_campaign("uid-1")
    assert row is not None
    assert (row.phase, row.mode, row.subject, row.subject_namespace, row.chaos) == (
        Phase.PENDING,
        Mode.BASELINE,
        "etcd",
        "etcd-lab",
        "pod_kill",
    )
    assert (row.created_at, row.started_at, row.finished_at, row.deleted_at) == (at(0), None, None, None)
    assert (row.planned, row.spec["observeSeconds"], row.variant) == (3, 60, None)


async def test_a_campaign_that_is_not_there_is_none_and_its_phase_cannot_be_set(records: Records) -> None:
    assert await records.get_campaign("nobody") is None
    with pytest.raises(LookupError, match="nobody"):
        await records.set_phase("nobody", Phase.RUNNING, "Started", "", at(1))


async def test_only_the_first_running_sets_started_at(records: Records) -> None:
    await records.set_phase("uid-1", Phase.QUEUED, "Waiting", "another has it", at(1))
    await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(2))
    await records.set_phase("uid-1", Phase.QUEUED, "Waiting", "", at(3))
    row = await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(4))
    assert row.started_at == at(2)


async def test_a_terminal_phase_is_final_and_frees_the_subject(records: Records) -> None:
    await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(1))
    finished = await records.set_phase("uid-1", Phase.FAILED, "TooManyInfraErrors", "4 of at most 3", at(2))
    later = await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(3))
    assert finished == later
    assert (later.phase, later.reason, later.finished_at) == (Phase.FAILED, "TooManyInfraErrors", at(2))
    await records.ensure_campaign("uid-2", "default", "next", spec(), at(4))
    assert (await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(5))).campaign_uid == "uid-2"


async def test_a_terminal_phase_may_keep_the_lock_of_a_subject_that_is_not_clean(records: Records) -> None:
    await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(1))
    await records.set_phase("uid-1", Phase.FAILED, "CleanupFailed", "", at(2), keep_lock=True)
    await records.ensure_campaign("uid-2", "default", "next", spec(), at(4))
    assert (await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(5))).campaign_uid == "uid-1"


async def test_deletion_is_noted_once_frees_the_subject_and_keeps_the_rows(records: Records) -> None:
    await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(1))
    await records.open_attempt("uid-1", 1, 7, at(1))
    await records.mark_deleted("uid-1", at(2))
    await records.mark_deleted("uid-1", at(3))
    row = await records.get_campaign("uid-1")
    assert row is not None and row.deleted_at == at(2)
    assert len(await records.unfinished("uid-1")) == 1
    await records.ensure_campaign("uid-2", "default", "next", spec(), at(4))
    assert (await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(5))).campaign == "default/next"


async def test_a_held_lock_names_its_holder_since_when_whoever_asks(records: Records) -> None:
    await records.ensure_campaign("uid-2", "default", "next", spec(), at(0))
    mine = await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(1))
    assert await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(2)) == mine
    assert await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(3)) == mine
    assert (mine.campaign_uid, mine.campaign, mine.since) == ("uid-1", "default/demo", at(1))
    await records.release_lock("uid-2")
    assert await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(4)) == mine
    await records.release_lock("uid-1")
    assert (await records.acquire_locks("etcd/etcd-lab", "uid-2", "default/next", at(5))).campaign_uid == "uid-2"


def test_campaigns_compare_when_only_seed_trials_or_mode_differ() -> None:
    def hashed(**changes: object) -> str:
        return comparison_hash(spec(**changes).model_dump(mode="json", by_alias=True))

    assert hashed() == hashed(seed=5, trials=50)
    assert hashed() == comparison_hash(
        {**spec().model_dump(mode="json", by_alias=True), "mode": "agent", "variant": "b"}
    )
    assert hashed() != hashed(observeSeconds=61)
    assert hashed() != hashed(reset="recreate")
    assert hashed() != hashed(chaos={"type": "pod_kill", "params": {"graceSeconds": 1}})


def test_campaigns_compare_when_the_same_system_is_reached_another_way_and_not_when_it_is_another() -> None:
    def hashed(**changes: object) -> str:
        subject = {"type": "tikv", "namespace": "tikv"} | changes
        return comparison_hash(spec(subject=subject).model_dump(mode="json", by_alias=True))

    assert hashed() == hashed(endpoints=["https://pd-0.pd:2379"], tlsSecret="renewed")
    assert hashed() != hashed(namespace="tikv-2")
    assert hashed() != hashed(selectors={"tikv": "app=tikv-2"})
    assert hashed() != hashed(probe="write")


def test_a_campaign_recorded_before_a_field_existed_compares_with_one_that_does_the_same_today() -> None:
    no_quiet_period = {"minSeconds": 0, "maxSeconds": 0}
    today = spec(quietPeriod=no_quiet_period).model_dump(mode="json", by_alias=True)
    later = {"reset", "cooldownSeconds", "activeDeadlineSeconds", "dryRun", "quietPeriod"}
    before = {name: value for name, value in today.items() if name not in later}
    before["deadlines"] = {name: value for name, value in today["deadlines"].items() if name != "attemptSeconds"}
    before["subject"] = {name: today["subject"][name] for name in ("type", "namespace")}
    assert comparison_hash(before) == comparison_hash(today)
    assert comparison_hash(before) != comparison_hash(spec().model_dump(mode="json", by_alias=True)), "it waits today"


async def test_what_may_change_while_it_runs_is_not_on_record_as_asked(records: Records) -> None:
    steered = await records.ensure_campaign("uid-8", "default", "s", spec(suspend=True, abort=True), at(0))
    plain = await records.ensure_campaign("uid-9", "default", "p", spec(), at(0))
    assert steered.spec == plain.spec and not {"suspend", "abort", "ttlSecondsAfterFinished"} & steered.spec.keys()
    assert (steered.spec_hash, steered.comparison_hash) == (plain.spec_hash, plain.comparison_hash)


async def test_long_messages_are_cut_and_say_so(records: Records) -> None:
    row = await records.set_phase("uid-1", Phase.PENDING, "Waiting", "ü" * 5000, at(1))
    assert len(row.message.encode()) <= 4096 and row.message.endswith("…")
