"""`python -m tests.soak`: needs what `make deploy` leaves in the cluster, and has its subject for itself."""

from __future__ import annotations

import time
from contextlib import suppress
from random import Random
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from cluster import kubectl
from cluster.errors import SetupError
from tests.e2e.campaigns import ETCD_SUBJECT, TIKV_SUBJECT, Campaigns
from tests.e2e.consent import allowed
from tests.e2e.subject import History
from tests.e2e.systems import ETCD, TIKV
from tests.soak.counting import Evidence, Place, numbers
from tests.soak.killing import await_another, current, kill
from tests.support.watching import NamespaceWatch, watching

SUBJECTS = {"etcd": (ETCD, ETCD_SUBJECT), "tikv": (TIKV, TIKV_SUBJECT)}
PAUSE_SECONDS = (1.0, 12.0)
"""How long a controller lives that has just begun to work: long enough for any step of an attempt, or for none."""

TRIAL_SECONDS = 120
"""How long a trial may take on average once nobody is killed any more."""

CHANGED = {"node_kill": "replaced", "node_down": "swapped"}
"""By chaos: the changes of pods by which its faults are known."""


def main(
    kills: Annotated[
        int, typer.Option(help="How often the controller is killed; at most about 100 within the watch.")
    ] = 20,
    trials: Annotated[int, typer.Option(help="Trials of the campaign; 0: twice the kills.")] = 0,
    subject: Annotated[str, typer.Option(help="etcd or tikv.")] = "etcd",
    chaos: Annotated[str, typer.Option(help="node_down or node_kill.")] = "node_down",
    seed: int = 0,
) -> None:
    """Run a campaign through many kills and count what is lost, doubled, left; exit status 1 if anything is."""
    if subject not in SUBJECTS or chaos not in CHANGED:
        raise typer.BadParameter(f"subjects: {', '.join(SUBJECTS)}; chaos: {', '.join(CHANGED)}")
    console = Console()
    soak = _Soak(console, subject, chaos, trials or 2 * kills, seed)
    try:
        found = numbers(soak.run(kills))
    except SetupError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    table = Table("what", "is", "must be")
    for number in found:
        table.add_row(number.what, number.value, number.aim, style="" if number.right else "bold red")
    console.print(table)
    raise typer.Exit(0 if all(number.right for number in found) else 1)


class _Soak:
    def __init__(self, console: Console, subject: str, chaos: str, trials: int, seed: int) -> None:
        self._console = console
        self._subject, self._asked = SUBJECTS[subject]
        self._chaos = chaos
        self._trials = trials
        self._seed = seed
        self._namespace = f"soak-{uuid4().hex[:6]}"
        self._campaigns = Campaigns(self._namespace)
        self._shown: set[Place] = set()
        self._phase = "Pending"

    def run(self, kills: int) -> Evidence:
        """From the first trial to the last one's rows."""
        kubectl.ask("making a namespace", "create", "namespace", self._namespace)
        self._subject.wait_until_healthy()
        try:
            with (
                allowed(self._namespace, self._subject.namespace),
                self._subject.watched() as history,
                watching(self._namespace) as watch,
            ):
                name = self._apply(kills)
                self._await_beginning(watch)
                away = self._kill(kills, watch)
                self._console.print("No more kills; the rest of the trials ...")
                self._look(watch, self._trials * TRIAL_SECONDS)
            return self._evidence(name, history, away, kills)
        finally:
            self._campaigns.delete_all()
            kubectl.ask("deleting the namespace", "delete", "namespace", self._namespace, "--wait=false")

    def _apply(self, kills: int) -> str:
        return self._campaigns.apply(
            "soak",
            self._chaos,
            trials=self._trials,
            observe_seconds=3 if self._chaos == "node_down" else 60,
            subject=self._asked,
            seed=self._seed,
            maxInterruptions=10 * kills,
            maxInfraErrors=10 * kills,
            maxBlindSeconds=30,
        )

    def _await_beginning(self, watch: NamespaceWatch) -> None:
        """A campaign that never runs would come through any number of kills."""
        deadline = time.monotonic() + TRIAL_SECONDS
        while self._phase != "Running":
            assert time.monotonic() < deadline, f"the campaign stays {self._phase}"
            self._look(watch, 1.0)

    def _kill(self, kills: int, watch: NamespaceWatch) -> list[float]:
        """Kill so many times, or until the campaign is over; for how many seconds there was no controller each time."""
        rng = Random(self._seed)
        away: list[float] = []
        for number in range(1, kills + 1):
            self._look(watch, rng.uniform(*PAUSE_SECONDS))
            if self._over or (life := current()) is None:
                break
            kill()
            self._console.print(f"kill {number} of {kills}: {len(self._shown)} attempts so far, {self._phase}")
            away.append(await_another(life))
        return away

    @property
    def _over(self) -> bool:
        return self._phase in ("Complete", "Failed", "Aborted")

    def _look(self, watch: NamespaceWatch, seconds: float) -> None:
        """Note which attempts the status shows, for so long or until the campaign is over."""
        deadline = time.monotonic() + seconds
        while not self._over and (left := deadline - time.monotonic()) > 0:
            if (seen := watch.next(min(left, 1.0))) is None:
                continue
            status = seen.status
            self._phase = status.phase.value
            self._shown |= {(each.trial, each.attempt) for each in status.recent}
            if status.current is not None:
                self._shown.add((status.current.trial, status.current.attempt))

    def _evidence(self, name: str, history: History, away: list[float], asked: int) -> Evidence:
        with suppress(AssertionError):  # the pod that came last needs a moment; what stays wrong is counted below
            self._subject.wait_until_healthy()
        return Evidence(
            rows=self._campaigns.rows(name),
            shown=self._shown,
            broken=[change.uid for change in getattr(history, CHANGED[self._chaos])],
            replaced=[change.uid for change in history.replaced],
            trouble=self._subject.trouble(),
            away=away,
            planned=self._trials,
            phase=self._phase,
            asked=asked,
        )


if __name__ == "__main__":
    typer.run(main)
