"""What PD said while campaigns ran, look by look, through `kubectl proxy`: what records are held against."""

from __future__ import annotations

import re
import subprocess
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from cluster import kubectl

PERIOD_SECONDS = 0.5
MEMBERS = ("pd-0", "pd-1", "pd-2")


@dataclass(frozen=True)
class Look:
    """PD at one instant (UTC): who leads it, the stores' states, and how many regions each store leads, by pod."""

    at: datetime
    leader: str
    states: dict[str, str]
    leads: Counter[str]
    regions: int
    cluster_id: int


@dataclass
class Timeline:
    """Looks in their order; instants at which PD gave no whole answer are not among them."""

    looks: list[Look] = field(default_factory=list)

    def before(self, at: datetime) -> Look:
        """The last look that was begun before that time."""
        return self.looks[bisect_left([look.at for look in self.looks], at) - 1]

    def between(self, start: datetime, end: datetime) -> list[Look]:
        """The looks in a stretch of time."""
        return [look for look in self.looks if start <= look.at <= end]


@contextmanager
def watching_pd() -> Iterator[Timeline]:
    """Look each half second for as long as the block lasts."""
    timeline, done = Timeline(), threading.Event()
    command = list(map(str, kubectl.command("proxy", "--port=0")))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as proxy:
        assert proxy.stdout is not None
        found = re.search(r"127\.0\.0\.1:\d+", proxy.stdout.readline())
        assert found, "kubectl proxy did not start"
        url = f"http://{found[0]}/api/v1/namespaces/tikv/pods"

        def look() -> None:
            with httpx.Client(timeout=2.0) as client:
                while not done.wait(PERIOD_SECONDS):
                    if (seen := _look(client, url)) is not None:
                        timeline.looks.append(seen)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield timeline
        finally:
            done.set()
            looking.join()
            proxy.terminate()


def _look(client: httpx.Client, url: str) -> Look | None:
    at = datetime.now(UTC)
    for member in MEMBERS:
        try:
            members, stores, regions = (_get(client, f"{url}/{member}:2379/proxy/pd/api/v1/{path}") for path in PATHS)
        except (httpx.HTTPError, ValueError):
            continue
        if not members.get("leader"):
            continue
        pods = {each["store"]["id"]: each["store"]["address"].partition(".")[0] for each in stores["stores"]}
        return Look(
            at=at,
            leader=members["leader"]["name"],
            states={pods[each["store"]["id"]]: each["store"]["state_name"] for each in stores["stores"]},
            leads=Counter(pods.get(region.get("leader", {}).get("store_id"), "") for region in regions["regions"]),
            regions=len(regions["regions"]),
            cluster_id=members["header"]["cluster_id"],
        )
    return None


PATHS = ("members", "stores", "regions")


def _get(client: httpx.Client, url: str) -> Any:
    answer = client.get(url)
    answer.raise_for_status()
    return answer.json()
