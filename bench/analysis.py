"""How long 100,000 trials take to be read and analysed, and how much memory, in a process of its own.

The records are made by SQL, as a campaign would have left them: two small states a trial, and eight commands and
their counts.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.api import CampaignSpec, Mode, Outcome
from controller.clock import Clock
from controller.records import Records, database
from controller.records.rows import command_columns
from controller.records.schema import attempts

UID = "00000000-0000-4000-8000-000000000000"
COMMANDS = 8
MODES = (Mode.BASELINE, Mode.AGENT)
WINDOW = timedelta(seconds=120)

MEASURED = """
import resource, sys, time
begun = time.perf_counter()
from controller.analysis.loading import load
from controller.analysis.estimates import estimates
from controller.analysis.summary import analyze
from controller.records import queries
from controller.records.database import reading
with reading(sys.argv[1]) as connection:
    campaign = queries.find_campaign(connection, "bench").campaign
    found = analyze(campaign, load(connection, campaign))
assert found.scored == int(sys.argv[2]) and estimates(found)
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - begun, time.process_time(), used.ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Analysed:
    """Seconds from an empty process to all numbers, imports included, and the most MiB that it had resident.

    `cpu` are seconds of the processor: on a machine that others use, too, they say more.
    """

    trials: int
    seconds: float
    cpu: float
    mebibytes: float


async def measure(folder: Path, count: int, mode: Mode) -> Analysed:
    """Fill a database with ended attempts, then analyse it as `evalcampaign analyze` does."""
    url = f"sqlite:///{folder}/analysis-{mode}.db"
    records = await Records.open(url)
    asked = {"subject": {"type": "etcd", "namespace": "etcd"}, "chaos": {"type": "node_kill"}, "mode": mode}
    await records.ensure_campaign(UID, "default", "bench", CampaignSpec.model_validate(asked), Clock().now())
    await records.close()
    _fill(url, count)
    run = [sys.executable, "-c", MEASURED, url, str(count)]
    done = subprocess.run(run, check=True, capture_output=True, text=True)  # noqa: ASYNC221 - nothing else runs here
    return Analysed(count, *map(float, done.stdout.split()))


def _fill(url: str, count: int) -> None:
    engine = database.writer(url)
    state = {"pods": [{"name": f"etcd-{i}", "uid": "u" * 36, "restarts": i} for i in range(3)], "leader": "etcd-0"}
    for start in range(0, count, 10_000):
        with engine.begin() as connection:
            rows = [_row(trial, state) for trial in range(start + 1, min(start + 10_000, count) + 1)]
            connection.execute(attempts.insert(), rows)
    engine.dispose()


def _row(trial: int, state: object) -> dict[str, object]:
    begun = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=trial)
    seconds = 5 + trial * 7919 % 100_003 / 1000  # spread evenly from 5 to 105, and no two alike
    resolved = seconds < 80
    commands = [_command(trial, number) for number in range(COMMANDS)]
    return {
        "id": f"{trial:036d}",
        "campaign_uid": UID,
        "trial": trial,
        "attempt": 1,
        "seed": trial,
        "step": "record",
        "outcome": (Outcome.RESOLVED if resolved else Outcome.DETECTED_UNRESOLVED).value,
        "started_at": begun - timedelta(seconds=10),
        "chaos_injected_at": begun,
        "window_started_at": begun,
        "deadline_at": begun + WINDOW,
        "ticket_created_at": begun + timedelta(seconds=seconds / 4),
        "ticket_seen_at": begun + timedelta(seconds=seconds / 4),
        "resolved_at": begun + timedelta(seconds=seconds) if resolved else None,
        "resolution_seen_at": begun + timedelta(seconds=seconds) if resolved else None,
        "recovered_at": begun + timedelta(seconds=seconds) if resolved else None,
        "ended_at": begun + WINDOW,
        "flags": [],
        "initial_state": state,
        "final_state": state,
        "commands": commands,
        **command_columns(commands),
    }


def _command(trial: int, number: int) -> dict[str, object]:
    told = {"session": f"session-{trial}", "tool": "bash", "exitCode": 0, "why": "reads only"}
    command = f"kubectl get pods -n etcd -o wide --selector app=etcd,trial={number % 5}"
    return {"at": "2026-01-01T00:00:00Z", **told, "command": command, "mutating": number == 7, "destructive": False}
