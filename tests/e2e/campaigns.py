"""Campaigns as a person applies and reads them: with kubectl, and with `evalcampaign` inside the controller's pod."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from cluster import kubectl
from controller.api import GROUP, KIND, VERSION
from controller.cli.cluster.campaigns import CampaignSnapshot
from tests.support.watching import watching

IN_CONTROLLER = ("-n", "evalcampaign", "exec", "deploy/evalcampaign-controller", "--")

ETCD_SUBJECT: Mapping[str, Any] = {"type": "etcd", "namespace": "etcd"}
TIKV_SUBJECT: Mapping[str, Any] = {"type": "tikv", "namespace": "tikv", "probe": "write"}
NO_QUIET_PERIOD: Mapping[str, Any] = {"minSeconds": 0, "maxSeconds": 0}
NO_PARAMS: Mapping[str, Any] = {}


class Campaigns:
    """Campaigns in one namespace, all in baseline mode; `delete_all` lets go of those that were made here."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._made: list[str] = []

    def apply(
        self,
        name: str,
        chaos: str,
        trials: int,
        observe_seconds: int,
        subject: Mapping[str, Any] = ETCD_SUBJECT,
        params: Mapping[str, Any] = NO_PARAMS,
        **spec: Any,
    ) -> str:
        """Apply one, of etcd unless told otherwise, and return its name.

        One of that name which was made here before goes first: a test that is tried again wants its campaign to run.
        """
        if name in self._made:
            self.delete(name)
        campaign = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "subject": subject,
                "chaos": {"type": chaos, "params": params},
                "mode": "baseline",
                "trials": trials,
                "quietPeriod": NO_QUIET_PERIOD,
                "observeSeconds": observe_seconds,
                "settleSeconds": 2,
                # On a busy machine the oracle may lose sight of a subject more often than a person would put up with.
                "maxInfraErrors": 12,
                **spec,
            },
        }
        subprocess.run(
            list(map(str, kubectl.command("apply", "-f", "-"))),
            input=json.dumps(campaign).encode(),
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )
        self._made.append(name)
        return name

    def adopt(self, name: str) -> None:
        """Let go of this one too, which somebody else makes."""
        self._made.append(name)

    def wait_finished(self, name: str, seconds: int = 1200) -> None:
        """`kubectl wait --for=condition=Finished`, as the docs have it."""
        condition = ("wait", "--for=condition=Finished", f"evalcampaign/{name}", f"--timeout={seconds}s")
        kubectl.ask(f"waiting for {name}", "-n", self.namespace, *condition, timeout=seconds + 10)

    def wait_until(self, name: str, true: Callable[[CampaignSnapshot], bool], seconds: float = 600) -> CampaignSnapshot:
        """The first look at the campaign for which `true` holds. AssertionError when it does not come."""
        deadline = time.monotonic() + seconds
        latest: CampaignSnapshot | None = None
        with watching(self.namespace) as watch:
            while time.monotonic() < deadline:
                seen = watch.next(1.0)
                if seen is not None and seen.name == name:
                    latest = seen
                    if true(seen):
                        return seen
        raise AssertionError(f"{name} did not come to that within {seconds:g} s: {latest}")

    def get(self, name: str) -> Any:
        """The object."""
        return kubectl.ask_json(f"reading {name}", "-n", self.namespace, "get", "evalcampaign", name)

    def delete(self, name: str, seconds: int = 300) -> None:
        """Delete one and wait until it is gone; one that is gone already is fine."""
        wait = ("--ignore-not-found", f"--timeout={seconds}s")
        kubectl.ask(
            f"deleting {name}", "-n", self.namespace, "delete", "evalcampaign", name, *wait, timeout=seconds + 10
        )

    def delete_all(self) -> None:
        for name in self._made:
            self.delete(name)

    def rows(self, name: str) -> list[Any]:
        """What `evalcampaign trials` says inside the controller's pod."""
        return list(records("trials", f"{self.namespace}/{name}"))

    def story(self, name: str, row: Any) -> Any:
        """What `evalcampaign show` says of one attempt."""
        which = ("--trial", str(row["trial"]), "--attempt", str(row["attempt"]))
        return records("show", f"{self.namespace}/{name}", *which)

    def events(self, name: str) -> list[Any]:
        """The Events beside a campaign, by time."""
        about = f"involvedObject.kind={KIND},involvedObject.name={name}"
        listed = kubectl.ask_json("reading Events", "-n", self.namespace, "get", "events", f"--field-selector={about}")
        return sorted(listed["items"], key=lambda event: event["firstTimestamp"])


def records(*command: str) -> Any:
    """The parsed answer of `evalcampaign COMMAND --output json` inside the controller's pod."""
    return json.loads(kubectl.ask("reading the records", *IN_CONTROLLER, "evalcampaign", *command, "--output", "json"))
