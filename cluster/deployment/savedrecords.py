"""A copy of the records, taken before the volume they live on goes away."""

import subprocess
import time
from pathlib import Path

from cluster import kubectl, run
from cluster.errors import SetupError
from cluster.settings import CACHE, CLUSTER

FOLDER = CACHE / "records"


def save() -> Path | None:
    """Copy the records out of the controller's pod; None when there are none. SetupError when it cannot be done."""
    claim = kubectl.attempt(
        "-n", "evalcampaign", "get", "pvc", "evalcampaign-records", "-o", "jsonpath={.status.phase}"
    )
    if claim.stdout.strip() != "Bound":
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{CLUSTER}-{time.strftime('%Y%m%d-%H%M%S')}.db"
    partial = path.with_suffix(".partial")
    backup = kubectl.command("-n", "evalcampaign", "exec", "deploy/evalcampaign-controller", "--")
    with partial.open("wb") as file:
        done = subprocess.run(
            [*map(str, backup), "evalcampaign", "backup", "-"], stdout=file, stderr=subprocess.PIPE, check=False
        )
    if done.returncode != 0:
        partial.unlink()
        raise SetupError(
            "the records could not be copied, and removing the controller would delete them.",
            tail=run.last_lines(done.stderr.decode(errors="replace")),
            hint="`make deploy` repairs the controller; `python -m cluster undeploy --discard-records` does without.",
        )
    partial.rename(path)
    return path
