"""Events that come within one second are shown by name, so the names bear their order."""

from controller.kube.campaigns import CampaignRef, event_name

HERE = CampaignRef("5f1e6a0e-0000-4000-8000-000000000001", "default", "c")


def test_the_end_of_a_campaign_is_shown_after_its_trials() -> None:
    trials = [event_name(HERE, f"attempt/{number}/1") for number in range(50)]
    ends = [
        event_name(HERE, key) for key in ("phase/Complete/AllTrialsDone", "phase/Failed/X", "phase/Aborted/Aborted")
    ]
    assert max(trials) < min(ends)
    assert event_name(HERE, "phase/Running/TrialsRunning/1") < min(ends)


def test_the_same_event_has_the_same_name_and_another_another() -> None:
    assert event_name(HERE, "attempt/1/1") == event_name(HERE, "attempt/1/1") != event_name(HERE, "attempt/1/2")
