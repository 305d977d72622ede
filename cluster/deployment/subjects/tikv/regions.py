"""Splitting TiKV into regions. A new one has few, and a store that leads none of them is missed by nobody.

Who leads which is not decided here: the controller spreads the leaders before every trial.
"""

import json
import time
from collections.abc import Collection, Iterable

from cluster import kubectl, run
from cluster.deployment import overlay
from cluster.errors import SetupError

FILE = overlay.MANIFESTS / "subjects" / "tikv" / "regions.json"
"""The request as PD takes it, so that it can be sent by hand as well."""

# Through any PD, for it hands on to the one that leads.
REGIONS = "/api/v1/namespaces/tikv/pods/pd-0:2379/proxy/pd/api/v1/regions"

LIMIT_SECONDS = 300
"""PD splits only what has all of its copies, and a new TiKV makes those first."""


def split() -> None:
    """Return when a region begins at every key of the file; there already is fine. SetupError when that fails."""
    keys: list[str] = json.loads(FILE.read_text())["split_keys"]
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        asked = kubectl.attempt("get", "--raw", REGIONS)
        if asked.returncode == 0 and not missing(keys, starts(asked.stdout)):
            return
        told = kubectl.attempt("create", "--raw", f"{REGIONS}/split", "-f", FILE)
        if time.monotonic() > deadline:
            raise SetupError(
                f"TiKV's regions were not split within {LIMIT_SECONDS} s.",
                tail=run.last_lines("\n".join(each.stderr or each.stdout for each in (asked, told))),
                hint=f"what PD says of them: {' '.join(map(str, kubectl.command('get', '--raw', REGIONS)))}",
            )
        time.sleep(1)


def starts(answer: str) -> list[str]:
    """The first keys of the regions in PD's answer, as hexadecimal digits; "" for the first region. Pure."""
    regions = json.loads(answer).get("regions") or []
    return [region.get("start_key", "") for region in regions]


def missing(keys: Iterable[str], begun: Collection[str]) -> list[str]:
    """The keys at which no region begins yet, whichever letters PD writes its hexadecimal digits in. Pure."""
    known = {start.lower() for start in begun}
    return [key for key in keys if key.lower() not in known]
