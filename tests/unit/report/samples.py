"""A report with everything in it that a page can show, written by somebody hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controller.analysis.comparison import compare_all
from controller.analysis.summary import analyze
from controller.api import Outcome, Step
from controller.records.rows import AttemptRow, Flag
from controller.report.attempts import AttemptSection, attempt_section
from controller.report.page import CampaignSection, render
from tests.unit.analysis.samples import arm, healing
from tests.unit.records.samples import at, state

HOSTILE = (
    """"><script>document.title = 'taken'</script><img src="https://evil.example/x.png" onerror="alert(1)"> $x$ '&"""
)
TIMES = ["chaos_injected_at", "window_started_at", "manifested_at", "serving_lost_at", "ticket_seen_at"]
TIMES += ["ticket_created_at", "resolution_seen_at", "resolved_at", "serving_again_at", "recovered_at", "deadline_at"]


def command(seconds: float | None, text: str, **known: Any) -> dict[str, Any]:
    written = None if seconds is None else at(seconds).isoformat().replace("+00:00", "Z")
    return {"at": written, "session": "s1", "tool": "bash", "command": text, "exitCode": 0, "why": HOSTILE} | known


def thought(seconds: float | None, text: str, after: int) -> dict[str, Any]:
    written = None if seconds is None else at(seconds).isoformat().replace("+00:00", "Z")
    return {"at": written, "session": "s1", "text": text, "after": after}


def attempt(**known: Any) -> AttemptRow:
    """Injected at 10 s of the day, detected after 4 s, resolved after 12 s, healthy after 14 s."""
    after = dict(zip(TIMES, [0, 0, 0.5, 1, 4, 4, 12, 12, 9, 14, 60], strict=True))
    row: dict[str, Any] = {name: at(10 + seconds) for name, seconds in after.items()}
    row |= {"id": "id", "campaign_uid": "uid", "trial": 1, "attempt": 1, "seed": 101, "step": Step.RECORD}
    row |= {"outcome": Outcome.RESOLVED, "started_at": at(0), "ended_at": at(80), "blind_seconds": 0.0}
    row |= {"fault": {"chaos": "pod_kill", "targets": [{"name": HOSTILE, "uid": "u", "facts": {}}]}, "error": HOSTILE}
    row |= {"flags": [Flag.COMMANDS_INCOMPLETE], "agent_mark": None}
    row |= {"initial_state": state(0, "etcd-1"), "final_state": state(1, HOSTILE)}
    row |= {"commands": [command(15, "kubectl get pods"), command(20, HOSTILE, mutating=True)]}
    row |= {"reasoning": [thought(13, HOSTILE, after=0), thought(16, HOSTILE * 10, after=1)]}
    return AttemptRow(**(row | known))


def section(**known: Any) -> AttemptSection:
    return attempt_section(attempt(**known), f"It was told so: {HOSTILE}")


def page(name: str = HOSTILE) -> str:
    """Of two campaigns that are compared."""
    arms = [
        arm(name, healing(*[10.0 + i for i in range(8)]), mode="agent", variant={"name": HOSTILE}),
        arm("alone", healing(*[50.0] * 6, None, None)),
    ]
    sections = [
        CampaignSection(each.name, analyze(each.campaign, each.trials), (section(),), 3, (HOSTILE,)) for each in arms
    ]
    made_at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return render(sections, compare_all([(arms[0], arms[1])]), made_at, "evalcampaign 1")
