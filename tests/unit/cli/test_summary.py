"""The few sentences that tell an attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controller.api import Mode, Outcome, Phase, Step
from controller.cli.results.timeline import summarize
from controller.records.rows import AttemptRow, CampaignRow, Event
from tests.unit.records.samples import at

CAMPAIGN = CampaignRow(
    uid="u", namespace="default", name="demo", subject="tikv", subject_namespace="tikv", chaos="node_kill",
    mode=Mode.BASELINE, variant=None, spec={"trials": 1}, spec_hash="", comparison_hash="", phase=Phase.COMPLETE,
    reason="", message="", created_at=at(0), started_at=at(0), finished_at=at(99), deleted_at=None,
)  # fmt: skip
FAULT = {"targets": [{"name": "tikv-1", "uid": "p", "facts": {"ledRegions": 2, "regions": 6}}]}
KILL = AttemptRow(
    id="a", campaign_uid="u", trial=1, attempt=1, seed=1, step=Step.RECORD, outcome=Outcome.SELF_HEALED,
    started_at=at(0), chaos_injected_at=at(10), ticket_created_at=None, ticket_seen_at=None, resolved_at=None,
    ended_at=at(40), manifested_at=at(10.2), serving_lost_at=at(10.4), serving_again_at=at(21.2), recovered_at=at(24.8),
    deadline_at=at(70), window_started_at=at(10), resolution_seen_at=None, blind_seconds=0.0, fault=FAULT,
    error=None, flags=[], agent_mark=None, initial_state={"probe": "write"}, final_state=None,
    commands=None,
)  # fmt: skip


def told(chaos: str = "node_kill", **changes: Any) -> str:
    return summarize(replace(CAMPAIGN, chaos=chaos), replace(KILL, **changes))


def test_a_kill_is_told_from_its_target_to_the_recovery() -> None:
    assert told() == (
        "At 2025-03-04 05:06:17 UTC the pod of tikv-1 was deleted, which led 2 of 6 regions. Clients were cut off at "
        "+0.4s and served again at +11.2s. The cluster was healthy again at +14.8s."
    )


def test_a_system_that_stays_broken_is_told_with_the_time_it_was_given() -> None:
    story = told("node_down", outcome=Outcome.NOT_HEALED, recovered_at=None)
    assert "tikv-1 was put down, to stay down until somebody deletes its pod, which led 2 of 6 regions." in story
    assert story.endswith("It was not healthy again within 60 s.")


def test_an_outage_without_end_is_told_as_one() -> None:
    story = told(outcome=Outcome.NOT_HEALED, serving_again_at=None, recovered_at=None)
    assert "Clients were cut off at +0.4s and not served again while it was watched." in story


def test_service_that_never_broke_off_is_told_with_who_says_so() -> None:
    served = {"serving_lost_at": None, "serving_again_at": None}
    assert "Clients were served throughout." in told(**served)
    assert "throughout, by the stores' own word (nobody wrote)." in told(**served, initial_state={"probe": "none"})


def test_time_in_which_nobody_could_tell_is_said() -> None:
    served = {"serving_lost_at": None, "serving_again_at": None}
    answers = ((10.5, None), (12.5, True))
    events = [Event(Step.OBSERVE, at(second), "verdict", {"serving": serving}) for second, serving in answers]
    story = summarize(CAMPAIGN, replace(KILL, **served), events)
    assert "No client was seen cut off. For 2.0 s, first at +0.5s, nobody could tell" in story


def test_a_fault_and_a_subject_are_told_in_the_words_that_their_record_keeps() -> None:
    served = {"serving_lost_at": None, "serving_again_at": None}
    fault = FAULT | {"happened": "the queue web was emptied"}
    story = told("drain", **served, fault=fault, initial_state={"servingAccordingTo": "the broker's own word"})
    assert "UTC the queue web was emptied. Clients were served throughout, by the broker's own word." in story


def test_pds_leader_is_named_as_one() -> None:
    fault = {"targets": [{"name": "pd-0", "uid": "p", "facts": {"led": True}}]}
    assert "pd-0 was deleted, which led PD." in told("pd_leader_kill", fault=fault)


def test_each_of_several_targets_is_told_with_what_it_led() -> None:
    other = {"name": "tikv-0", "uid": "q", "facts": {"ledRegions": 1, "regions": 6}}
    assert (
        "the pod of tikv-1 was deleted, which led 2 of 6 regions; "
        "the pod of tikv-0 was deleted, which led 1 of 6 regions."
    ) in told(fault={"targets": [*FAULT["targets"], other]})


def test_a_fault_that_never_showed_is_told_so() -> None:
    story = told(outcome=Outcome.NOT_MANIFESTED, manifested_at=None, serving_lost_at=None, recovered_at=None)
    assert story.endswith("Nothing of it was ever seen.")


def test_where_nothing_was_injected_the_reason_is_the_story() -> None:
    story = told(outcome=Outcome.INFRA_ERROR, chaos_injected_at=None, error="reset was not done within 120 s")
    assert story == (
        "Nothing was injected, though tikv-1 had been chosen. InfraError: reset was not done within 120 s."
    )


def test_records_from_before_facts_were_kept_and_unknown_chaos_are_told_too() -> None:
    assert "UTC freeze was done to tikv-1." in told(
        "freeze", fault={"targets": [{"name": "tikv-1", "uid": "p", "facts": {}}]}
    )


def test_an_attempt_that_was_broken_off_says_when_and_that_it_was_undone() -> None:
    events = [Event(Step.OBSERVE, at(10), "step"), Event(Step.CLEANUP, at(14), "step")]
    row = replace(KILL, outcome=Outcome.ABORTED, serving_lost_at=None, recovered_at=None, ended_at=at(16.2))
    assert summarize(CAMPAIGN, row, events).endswith("It was broken off at +4.0s, and undone by +6.2s.")


AGENTS = replace(CAMPAIGN, mode=Mode.AGENT)


def test_what_the_agent_said_is_told_and_whether_it_was_so() -> None:
    ticket = replace(KILL, outcome=Outcome.RESOLVED, ticket_seen_at=at(13), resolution_seen_at=at(30))
    assert summarize(AGENTS, ticket).endswith("The agent had a ticket at +3.0s and called it resolved at +20.0s.")
    lied = replace(ticket, outcome=Outcome.FALSE_RESOLUTION)
    assert summarize(AGENTS, lied).endswith("called it resolved at +20.0s, which was not so.")
    open_ = replace(ticket, outcome=Outcome.DETECTED_UNRESOLVED, resolution_seen_at=None)
    assert summarize(AGENTS, open_).endswith("The agent had a ticket at +3.0s and did not call it resolved.")
    assert summarize(AGENTS, replace(KILL, outcome=Outcome.UNDETECTED)).endswith("The agent had no ticket.")
    assert "agent" not in summarize(CAMPAIGN, ticket)
