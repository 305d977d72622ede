"""What the controller adds to a trial, on a real API server, with a subject whose own delays are known.

A trial's wall time runs from the start of one attempt to the start of the next, so that everything between two trials
is in it. What the script and the spec ask for is taken off: reset, two settle windows, and the time to hurt and heal.
What remains is ours: commits with fsync, API requests, the oracle's cadence (20 ms here), the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.quick import QuickSpec
from bench.scripted import Script, ScriptedSubject
from controller.campaign.driver import CampaignDriver
from controller.campaign.phases import Campaign
from controller.campaign.services import Services
from controller.clock import Clock
from controller.kube import CampaignRef, KubeApi
from controller.records import Records, queries
from controller.records.database import reading

RESET, SETTLE, HURT, HEAL = 0.02, 0.1, 0.01, 0.05
SCRIPTED_SECONDS = RESET + SETTLE + HURT + HEAL + SETTLE

CAMPAIGNS = "/apis/evalcampaign.dev/v1alpha1/namespaces/default/evalcampaigns"


@dataclass(frozen=True)
class Overhead:
    """Seconds of ours per trial, ascending, and the counts per trial."""

    seconds: list[float]
    commits: float
    requests: float

    def quantile(self, q: float) -> float:
        """The q-quantile of the seconds, by nearest rank."""
        return self.seconds[min(len(self.seconds) - 1, int(q * len(self.seconds)))]


async def measure(folder: Path, kubeconfig: Path, trials: int) -> Overhead:
    """Run a campaign against the API server that `kubeconfig` names; CRD and default namespace must be there."""
    url = f"sqlite:///{folder}/records.db"
    clock = Clock()
    api = await KubeApi.connect(kubeconfig)
    records = await Records.open(url)
    script = Script(reset_takes=RESET, hurt_after=HURT, heal_after=HEAL, verdict_every=0.02)
    services = Services(api, records, {"scripted": lambda c: ScriptedSubject(c, script)}, {}, clock.now)
    try:
        campaign = await _create(api, clock, trials)
        commits, requests = records.commits, api.requests
        await CampaignDriver(services, campaign).run()
        commits, requests = records.commits - commits, api.requests - requests
        with reading(url) as connection:
            attempts = queries.list_attempts(connection, campaign.ref.uid)
    finally:
        await services.close()
    starts = [attempt.started_at for attempt in attempts]
    assert len(attempts) == trials, f"{len(attempts)} attempts for {trials} trials: {attempts[-1].error}"
    ours = [(after - before).total_seconds() - SCRIPTED_SECONDS for before, after in pairwise(starts)]
    return Overhead(sorted(ours), commits / trials, requests / trials)


async def _create(api: KubeApi, clock: Clock, trials: int) -> Campaign:
    spec = {
        "subject": {"type": "scripted", "namespace": "subject"},
        "chaos": {"type": "node_kill"},
        "trials": trials,
        "quietPeriod": {"minSeconds": 0, "maxSeconds": 0},
    }
    meta = {"name": "bench", "namespace": "default"}
    body = {"apiVersion": "evalcampaign.dev/v1alpha1", "kind": "EvalCampaign", "metadata": meta, "spec": spec}
    made = await api.request("POST", CAMPAIGNS, body=body)
    ref = CampaignRef(made["metadata"]["uid"], "default", "bench")
    return Campaign(ref, QuickSpec.model_validate(made["spec"] | {"settleSeconds": SETTLE}), 1, clock.now())
