"""Everything a test of the whole controller needs: an API server, a database, subjects, and a controller to start."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from controller.records import AttemptSummary, CampaignRow, queries
from controller.records.database import reading
from controller.records.schema import TIME_FORMAT
from controller.settings import Settings
from tests.emulator.apiserver import ApiServer
from tests.emulator.laboratory import Laboratory
from tests.emulator.objects import Key, Refused
from tests.support.threaded import ThreadedController
from tests.support.waiting import eventually

Json = Any

OPT_IN = "evalcampaign.dev/opt-in"
ALLOWED = "evalcampaign.dev/allowed-namespaces"


class Stage:
    """`api` is the cluster, `lab` its subjects; `start` and `stop` the controller as often as a test likes."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self.lab = Laboratory()
        self.url = f"sqlite:///{folder}/records.db"
        self.settings = Settings(self.url, {}, 0, api.kubeconfig(folder))
        self.controller: ThreadedController | None = None
        self.namespace("default", consents=False)
        self.namespace("subject")

    # The controller --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the controller and return when it works."""
        self.controller = ThreadedController(self.settings, {"scripted": self.lab.subject})
        await self.controller.start()

    async def stop(self) -> None:
        """Stop it as SIGTERM would, if it runs. Raises what it died of."""
        controller, self.controller = self.controller, None
        if controller is not None:
            await controller.stop()

    # What people do --------------------------------------------------------------------------------------------------

    def namespace(self, name: str, consents: bool = True) -> None:
        """Make a namespace; one that consents may be broken by campaigns in `default`."""
        consent = {"labels": {OPT_IN: "true"}, "annotations": {ALLOWED: "default"}} if consents else {}
        self.api.objects.create("namespaces", None, {"metadata": {"name": name, **consent}})

    def label(self, name: str, value: str | None) -> None:
        """Give a namespace's consent, or take it back."""
        self.api.objects.merge(("namespaces", None, name), {"metadata": {"labels": {OPT_IN: value}}})

    def annotate(self, name: str, value: str | None) -> None:
        """Say whose campaigns may break a namespace; None: nobody says."""
        self.api.objects.merge(("namespaces", None, name), {"metadata": {"annotations": {ALLOWED: value}}})

    def apply(self, name: str = "c", subject: str = "subject", namespace: str = "default", **spec: Json) -> Key:
        """Create a campaign of one node_kill; `spec` says what is different."""
        chaos = {"type": spec.pop("chaos", "node_kill"), "params": spec.pop("params", {})}
        body = {
            "apiVersion": "evalcampaign.dev/v1alpha1",
            "kind": "EvalCampaign",
            "metadata": {"name": name},
            "spec": {"subject": {"type": spec.pop("type", "scripted"), "namespace": subject}, "chaos": chaos} | spec,
        }
        self.api.objects.create("evalcampaigns", namespace, body)
        return ("evalcampaigns", namespace, name)

    def change(self, key: Key, **spec: Json) -> None:
        """As `kubectl patch --type=merge`: these fields of spec are so from now on."""
        self.api.objects.merge(key, {"spec": spec})

    def delete(self, key: Key) -> None:
        """As `kubectl delete --wait=false`."""
        self.api.objects.delete(key)

    def backdate(self, key: Key, seconds: float) -> None:
        """Have the campaign's attempts begun so much earlier; only while no controller runs."""
        started = [(each.started_at - timedelta(seconds=seconds), each.id) for each in self.attempts(key)]
        for at, id_ in started:
            self._write("UPDATE attempts SET started_at = ? WHERE id = ?", at.strftime(TIME_FORMAT), id_)

    async def gone(self, key: Key) -> None:
        """Return when the object is."""
        await eventually(lambda: not self.exists(key), f"{key[2]} was not let go")

    # What there is to see --------------------------------------------------------------------------------------------

    def exists(self, key: Key) -> bool:
        """Whether the object is there."""
        try:
            self.api.objects.get(key)
        except Refused:
            return False
        return True

    def status(self, key: Key) -> Json:
        """The campaign's status, empty before there is one."""
        return self.api.objects.get(key).get("status", {})

    def condition(self, key: Key, type_: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        found = (each for each in self.status(key).get("conditions", []) if each["type"] == type_)
        return next(((each["status"], each["reason"]) for each in found), None)

    async def until(self, key: Key, *phases: str) -> Json:
        """Wait for one of these phases and return the status."""
        await eventually(
            lambda: self.status(key).get("phase") in phases,
            lambda: f"{key[2]} is not {' or '.join(phases)}: {self.api.objects.get(key).get('status')}",
        )
        return self.status(key)

    async def until_step(self, key: Key, step: str) -> None:
        """Wait until the status says that an attempt has come to this step."""
        await eventually(lambda: self.status(key).get("current", {}).get("step") == step, f"it never came to {step}")

    async def until_hurt(self, subject: str = "subject") -> None:
        """Wait until the subject shows its fault."""
        await eventually(lambda: self.lab.worlds[subject].hurt, f"{subject} was never hurt")

    def events(self, key: Key) -> list[tuple[str, str]]:
        """Type and reason of the Events about a campaign, in their order."""
        events = self.api.objects.list("events", key[1])
        return [(each["type"], each["reason"]) for each in events if each["involvedObject"]["name"] == key[2]]

    def warnings(self, key: Key) -> list[Json]:
        """The Warning Events about a campaign."""
        events = self.api.objects.list("events", key[1])
        return [each for each in events if each["involvedObject"]["name"] == key[2] and each["type"] == "Warning"]

    def last_status(self, key: Key) -> Json:
        """The status that an object bore last, also when it is gone."""
        return [each.object.get("status", {}) for each in self.api.objects.history if each.key == key][-1]

    def phases(self, key: Key) -> list[str]:
        """The phases that a watcher of the object would have seen, in their order."""
        seen: list[str] = []
        for change in self.api.objects.history:
            phase = change.object.get("status", {}).get("phase") if change.key == key else None
            if phase and seen[-1:] != [phase]:
                seen.append(phase)
        return seen

    # What is on record -----------------------------------------------------------------------------------------------

    def row(self, key: Key) -> CampaignRow:
        """The campaign's row."""
        return self._read(lambda connection: queries.find_campaign(connection, f"{key[1]}/{key[2]}").campaign)

    def attempts(self, key: Key, uid: str | None = None) -> list[AttemptSummary]:
        """Its attempts; with `uid`, those of an earlier campaign of that name."""
        which = uid or self.row(key).uid
        return self._read(lambda connection: queries.list_attempts(connection, which))

    def outcomes(self, key: Key, uid: str | None = None) -> list[tuple[int, int, str | None]]:
        """Trial, attempt and outcome of each."""
        return [(each.trial, each.attempt, each.outcome and each.outcome.value) for each in self.attempts(key, uid)]

    def commands(self, key: Key) -> list[Json]:
        """What the agent ran in the first trial's last attempt."""
        return list(self._read(lambda c: queries.get_attempt(c, self.row(key), 1, None).commands))

    def locks(self) -> list[str]:
        """Who holds a subject, as `namespace/name`."""
        return self._read(lambda c: [holder for (holder,) in c.exec_driver_sql("SELECT campaign FROM subject_locks")])

    def _read(self, ask: Callable[[Any], Json]) -> Json:
        with reading(self.url) as connection:
            return ask(connection)

    def _write(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as database, database:
            database.execute(statement, values)

    def finished(self, namespace: str, name: str) -> bool:
        """Whether the records say that the campaign is over, whatever its status says."""
        with reading(self.url) as connection:
            rows = [row for row, _ in queries.list_campaigns(connection)]
        return any((row.namespace, row.name) == (namespace, name) and row.phase.terminal for row in rows)

    def unfinished_business(self) -> list[str]:
        """Campaigns on record that are neither over nor deleted."""
        with reading(self.url) as connection:
            rows = [row for row, _ in queries.list_campaigns(connection)]
        return [row.name for row in rows if not row.phase.terminal and row.deleted_at is None]

    def clean(self, subject: str = "subject") -> bool:
        """Whether nothing is left in the subject."""
        world = self.lab.worlds[subject]
        return world.fault is None and not world.hurt


async def together(*waits: Any) -> list[Any]:
    """Wait for several things at once."""
    return list(await asyncio.gather(*waits))
