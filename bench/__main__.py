"""`python -m bench`: needs the programs that `python -m cluster tools --group tests` builds."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from bench import analysis, overhead, startup, statussize
from cluster import tools
from cluster.apiserver.controlplane import ControlPlane
from cluster.apiserver.kubectl import Kubectl

CRDS = Path(__file__).parent.parent / "crds"


def main(trials: int = 100, status_trials: int = 10_000, analysis_trials: int = 100_000) -> None:
    """Measure and print: `--trials` for the overhead, `--status-trials` for a status, `--analysis-trials` likewise."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with console.status(f"{trials} trials of {overhead.SCRIPTED_SECONDS:.2f} s against a real API server"):
            ours = _overhead(folder, trials)
        with console.status(f"a status after {status_trials} trials"):
            size = asyncio.run(statussize.measure(folder, status_trials))
        with console.status(f"an analysis of {analysis_trials} trials"):
            analysed = {mode: asyncio.run(analysis.measure(folder, analysis_trials, mode)) for mode in analysis.MODES}
        with console.status("evalcampaign --help"):
            started = startup.measure(times=9)
    table = Table("measure", "value", "aim")
    table.add_row(f"added per trial, p50 (n={len(ours.seconds)})", f"{ours.quantile(0.5) * 1000:.0f} ms", "100 ms")
    table.add_row(f"added per trial, p95 (n={len(ours.seconds)})", f"{ours.quantile(0.95) * 1000:.0f} ms", "250 ms")
    table.add_row("commits per trial", f"{ours.commits:.1f}", "")
    table.add_row("API requests per trial", f"{ours.requests:.1f}", "")
    table.add_row(f"status after {size.trials:,} trials", f"{size.size:,} bytes", "8,192 bytes")
    table.add_row("computing that status", f"{size.milliseconds:.1f} ms", "")
    for mode, found in analysed.items():
        took = f"{found.seconds:.1f} s ({found.cpu:.1f} s of CPU)"
        table.add_row(f"analysing {found.trials:,} trials, {mode}", took, "5 s")
        table.add_row("peak memory of that", f"{found.mebibytes:.0f} MiB", "300 MiB")
    libraries = f"{started.libraries * 1000:.0f} ms of it for typer and rich"
    table.add_row("evalcampaign --help", f"{started.help * 1000:.0f} ms ({libraries})", "500 ms")
    console.print(table)


def _overhead(folder: Path, trials: int) -> overhead.Overhead:
    binaries = {name: tools.binary(name) for name in ("etcd", "kube-apiserver", "kubectl")}
    plane = ControlPlane(folder / "plane", binaries)
    try:
        plane.start()
        kubeconfig = plane.admin_kubeconfig()
        kubectl = Kubectl(binaries["kubectl"], kubeconfig, folder)
        kubectl("apply", "-f", CRDS)
        kubectl("wait", "--for=condition=Established", "crd/evalcampaigns.evalcampaign.dev", "--timeout=30s")
        namespace = {
            "name": "subject",
            "labels": {"managed-access": "true"},
            "annotations": {"managed-access-namespaces": "default"},
        }
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
        return asyncio.run(overhead.measure(folder, kubeconfig, trials))
    finally:
        plane.stop()


if __name__ == "__main__":
    typer.run(main)
