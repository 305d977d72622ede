"""A subject of somebody else's package, in a whole controller: trials of its fault, from the CRD to the record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from subjects.registry import installed, offered
from tests.emulator.stage import Stage
from tests.support.thirdparty import install, install_acme
from tests.support.threaded import ThreadedController


@pytest.fixture
def acme(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package, installed."""
    folder = tmp_path_factory.mktemp("site")
    install_acme(folder)
    monkeypatch.syspath_prepend(str(folder))
    installed.cache_clear()
    yield folder
    installed.cache_clear()
    sys.modules.pop("acme_chaos", None)


async def test_trials_of_another_packages_subject_run_and_leave_nothing_behind(acme: Path, stage: Stage) -> None:
    switch = ("configmaps", "subject", "switch")
    stage.api.objects.create("configmaps", "subject", {"metadata": {"name": "switch"}, "data": {"state": "on"}})
    stage.api.objects.create("configmaps", "subject", {"metadata": {"name": "settings"}, "data": {"level": "1"}})
    stage.controller = ThreadedController(stage.settings, None)
    await stage.controller.start()

    key = stage.apply(type="switch", chaos="switched_off", trials=2, observeSeconds=1)
    await stage.until(key, "Complete")
    assert stage.outcomes(key) == [(1, 1, "NotHealed"), (2, 1, "NotHealed")]
    assert stage.api.objects.get(switch)["data"] == {"state": "on"}, "the fault was reverted"
    assert stage.locks() == []
    states = [change.object["data"]["state"] for change in stage.api.objects.history if change.key == switch]
    assert states == ["on", "off", "on", "off", "on"], "each trial turned it once, and back once"
    fault = stage.attempts(key)[0].fault
    assert fault is not None
    assert (fault["happened"], fault["reverted_by"]) == (
        "state in switch was turned to off",
        "somebody turns it back",
    )
    assert fault["targets"][0]["kind"] == "v1/configmaps"


async def test_an_unknown_subject_or_chaos_is_refused_with_what_there_is_and_a_broken_plugin_stops_nothing(
    acme: Path, stage: Stage
) -> None:
    install(acme, "broken-chaos", {"evalcampaign.subjects": {"sea": "acme_chaos:NOTHING"}})
    stage.controller = ThreadedController(stage.settings, None)
    await stage.controller.start()
    unknown = stage.apply("unknown-subject", type="sea", chaos="storm")
    await stage.until(unknown, "Failed")
    message = stage.status(unknown)["message"]
    assert f"'sea' is unknown; valid: {', '.join(installed().subjects)}; the subject sea of the package" in message
    assert "broken-chaos is not used: " in message, "a plug-in of this name is installed, and says why it is no subject"
    other = stage.apply("unknown-chaos", type="switch", chaos="storm")
    await stage.until(other, "Failed")
    offers = ", ".join(sorted(offered(installed().subjects["switch"])))
    assert f"'storm' is unknown; valid: {offers}" in stage.status(other)["message"]
    assert (stage.row(unknown).reason, stage.row(other).reason) == ("UnknownSubject", "UnknownChaos")
