"""The controller's pod, as it runs: small rights, a read-only root, records that can be taken out."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from cluster import kubectl
from tests.e2e.campaigns import IN_CONTROLLER, records


def inside(*command: str) -> subprocess.CompletedProcess[str]:
    return kubectl.attempt(*IN_CONTROLLER, *command)


def test_it_runs_as_nobody_in_particular_and_cannot_gain_rights() -> None:
    assert inside("id", "-u").stdout.strip() == "65532"
    status = dict(line.split(":\t", 1) for line in inside("cat", "/proc/1/status").stdout.splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_it_can_write_its_records_and_temporary_files_and_nothing_else() -> None:
    for allowed in ("/data", "/tmp"):
        assert inside("sh", "-c", f"touch {allowed}/probe && rm {allowed}/probe").returncode == 0
    for denied in ("/", "/opt/project", "/var/tmp", "/home"):
        assert "Read-only file system" in inside("touch", f"{denied}/probe").stderr


def test_a_backup_through_kubectl_is_a_sound_database_with_all_rows(tmp_path: Path) -> None:
    copy = tmp_path / "records.db"
    with copy.open("wb") as file:
        command = kubectl.command(*IN_CONTROLLER, "evalcampaign", "backup", "-")
        subprocess.run(list(map(str, command)), stdout=file, check=True, timeout=180)
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = dict(database.execute("SELECT campaign_uid, count(*) FROM attempts GROUP BY campaign_uid"))
    for campaign in records("list")[:5]:  # the newest; a cluster that lives long has many
        assert kept.get(campaign["uid"], 0) == len(records("trials", campaign["uid"]))
    assert kept, "there was nothing to keep"
