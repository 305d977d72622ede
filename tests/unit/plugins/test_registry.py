"""Subjects and faults of other packages: found, offered beside ours, refused with a sentence where they are broken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from controller.api import CampaignSpec, Reason
from controller.campaign.preconditions import Rejected, resolve_subject
from controller.cli.app import app
from controller.cli.checks.cluster import check_plugins
from subjects.cluster import Cluster
from subjects.etcd import EtcdSubject
from subjects.faults.objectfault import value_at
from subjects.plugins import find_plugins
from subjects.protocol import ChaosRefused, Fault, SubjectContext, SubjectError
from subjects.registry import FAULTS, SUBJECTS, Registry, installed, offered
from tests.support.thirdparty import install, install_acme
from tests.unit.subjects.fakes import FakeCluster

OURS = [*find_plugins(SUBJECTS)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python looks for distributions in; what is in it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def reasons(found: Registry) -> list[str]:
    return [str(refused) for refused in found.refused]


def test_our_own_subjects_are_found_as_those_of_others_are() -> None:
    found = installed()
    assert (list(found.subjects), found.refused) == (OURS, ())
    assert set(found.packages.values()) == {"evalcampaign"}


def test_another_package_adds_a_subject_and_a_fault_to_one_of_ours(site: Any) -> None:
    install_acme(site)
    found = installed()
    assert list(found.subjects) == sorted([*OURS, "switch"]) and reasons(found) == []
    assert set(offered(found.subjects["switch"])) >= {"switched_off", "level_turned"}
    assert set(offered(found.subjects["etcd"])) >= {"node_kill", "node_down", "level_turned"}
    assert "level_turned" not in offered(found.subjects["tikv"])


@pytest.mark.parametrize(
    ("group", "name", "code", "reason"),
    [
        (SUBJECTS, "odd", "raise RuntimeError('no licence')", "it cannot be imported: RuntimeError: no licence"),
        (SUBJECTS, "odd", "raise SystemExit('bye')", "it cannot be imported: SystemExit: bye"),
        (SUBJECTS, "odd", "", "it cannot be imported: AttributeError"),
        (SUBJECTS, "odd", "THING = 7", "broken:THING is of type int, not a SubjectFactory"),
        (
            SUBJECTS,
            "odd",
            "def THING(context): return 7",
            "type int, not an EvalSubject: that lacks get_chaos",
        ),
        (SUBJECTS, "odd", "def THING(context): raise KeyError('x')", "it cannot be asked what it offers: KeyError"),
        (SUBJECTS, "etcd", "from subjects.etcd import EtcdSubject as THING", "evalcampaign has a subject of this name"),
        (SUBJECTS, "no/name", "from subjects.etcd import EtcdSubject as THING", "a name has at most 63 letters"),
        (FAULTS, "odd", "THING = object()", "broken:THING is of type object, not a FaultType"),
        (FAULTS, "odd", "from acme_chaos import LEVEL_TURNED as THING", "the fault calls itself level_turned"),
        (FAULTS, "switched_off", "from acme_chaos import SWITCHED_OFF as THING", "it names no subject"),
    ],
)
def test_a_broken_plugin_is_refused_with_a_sentence_and_stops_no_other(
    site: Any, group: Any, name: Any, code: Any, reason: Any
) -> None:
    install_acme(site)
    (site / "broken.py").write_text(code)
    install(site, "broken-chaos", {group: {name: "broken:THING"}})
    found = installed()
    assert list(found.subjects) == sorted([*OURS, "switch"])
    (why,) = reasons(found)
    assert f"{name} of the package broken-chaos is not used: " in why and reason in why


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ("subjects = ('tikv', 'sea')", "there is no subject sea; there are: etcd, "),
        ("subjects = ('switch',)", "switch has a fault of this name already"),
        ("subjects = ('tikv',)\n    role = 'proxy'", "tikv does not take it: "),
    ],
)
def test_a_fault_that_a_subject_cannot_have_is_refused_and_the_subject_stays(
    site: Any, changes: Any, reason: Any
) -> None:
    install_acme(site)
    name = "level_turned" if "switch" in changes else "other"
    (site / "extra.py").write_text(
        f"from acme_chaos import SettingTurned\n\nclass Extra(SettingTurned):\n    {changes}\n\n"
        f"THING = Extra('{name}', 'settings', 'level', Extra.subjects)\n"
    )
    install(site, "extra-chaos", {FAULTS: {name: "extra:THING"}})
    found = installed()
    assert list(found.subjects) == sorted([*OURS, "switch"])
    (why,) = reasons(found)
    assert "fault" in why and "extra-chaos" in why and reason in why
    assert set(offered(found.subjects["tikv"])) >= {"node_kill", "node_down", "pd_kill"}


def test_doctor_names_what_is_not_used_and_what_to_do(site: Any) -> None:
    (site / "broken.py").write_text("THING = 7")
    install(site, "broken-chaos", {SUBJECTS: {"odd": "broken:THING"}})
    fine, refused = check_plugins()
    assert (fine.level, fine.message) == ("ok", f"Subjects installed beside this command: {', '.join(OURS)}")
    assert refused.level == "warn" and refused.message.startswith("The subject odd of the package broken-chaos is not")
    assert refused.fix == "mend broken-chaos, or uninstall it"


def test_the_list_of_subjects_ends_with_what_is_not_used(site: Any) -> None:
    (site / "broken.py").write_text("THING = 7")
    install(site, "broken-chaos", {SUBJECTS: {"odd": "broken:THING"}})
    listed = CliRunner().invoke(app, ["subjects"])
    assert listed.exit_code == 0 and "node_kill" in listed.stdout
    assert "the subject odd of the package broken-chaos is not used: broken:THING is of type int" in listed.stdout


# A fault of another package, done to one of our subjects --------------------------------------------------------------


class WithSettings(FakeCluster):
    """An etcd with a ConfigMap beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = {"metadata": {"name": "settings", "uid": "uid-s"}, "data": {"level": "high", "other": "1"}}

    async def get_object(self, namespace: Any, kind: Any, name: Any) -> Any:
        assert (namespace, kind, name) == ("etcd", "v1/configmaps", "settings")
        return self.settings

    async def patch_object(self, namespace: Any, kind: Any, name: Any, operations: Any) -> None:
        self.calls.append(("patch_object", name, tuple(each["op"] for each in operations)))
        for each in operations:
            (there,) = value_at(self.settings, each["path"])
            if each["op"] == "test":
                assert there == each["value"]
            else:
                assert each["op"] == "replace"
                self.settings = {**self.settings, "data": {**self.settings["data"], "level": each["value"]}}


@pytest.fixture
def etcd(site: Any) -> Any:
    """An etcd that offers the fault, and its cluster."""
    install_acme(site)
    cluster = WithSettings()
    return installed().subjects["etcd"](cluster.context()), cluster


async def test_a_fault_of_another_package_is_done_to_our_etcd_and_reverted_by_its_record(etcd: Any) -> None:
    subject, cluster = etcd
    params = subject.get_chaos_types()["level_turned"].params(value="low")
    assert (await subject.blast_radius("level_turned", params)).targets == 0, "it takes no member"
    fault = await subject.plan_chaos("level_turned", params, Random(1))
    assert cluster.settings["data"]["level"] == "high", "planning touches nothing"
    assert fault.happened == "level in settings was turned to low" and fault.heals_itself is False
    await subject.inject_chaos(fault)
    assert cluster.settings["data"] == {"level": "low", "other": "1"}
    stored = Fault.from_json(fault.to_json())
    await subject.cleanup_chaos(stored)
    assert cluster.settings["data"] == {"level": "high", "other": "1"}
    done = len(cluster.calls)
    await subject.cleanup_chaos(stored)
    assert cluster.calls[done:] == [], "reverting twice is reverting once"


async def test_it_passes_the_same_guard_as_ours(etcd: Any) -> None:
    subject, cluster = etcd
    fault = await subject.plan_chaos("level_turned", subject.get_chaos_types()["level_turned"].params(), Random(1))
    cluster.no_consent = "nobody asked"
    with pytest.raises(ChaosRefused, match="nobody asked"):
        await subject.inject_chaos(fault)
    assert cluster.settings["data"]["level"] == "high"


async def test_what_somebody_else_changed_meanwhile_is_left_alone(etcd: Any) -> None:
    subject, cluster = etcd
    fault = await subject.plan_chaos("level_turned", subject.get_chaos_types()["level_turned"].params(), Random(1))
    cluster.settings = {**cluster.settings, "data": {"level": "middle"}}
    with pytest.raises(ChaosRefused, match="settings has been changed since the plan was made"):
        await subject.inject_chaos(fault)
    await subject.cleanup_chaos(fault)
    assert cluster.settings["data"]["level"] == "middle"


async def test_a_record_of_a_plugin_that_is_no_longer_there_says_so() -> None:
    subject = EtcdSubject(SubjectContext(FakeCluster(), "etcd", lambda: None))  # type: ignore[arg-type]
    with pytest.raises(SubjectError, match="etcd has no chaos 'level_turned'; there are: "):
        await subject.cleanup_chaos(Fault("level_turned", (), {}))


def test_a_campaign_of_a_subject_whose_plugin_is_broken_is_told_why_it_is_unknown(site: Any) -> None:
    install(site, "broken-lake", {"evalcampaign.subjects": {"lake": "lake_chaos:make"}})
    spec = CampaignSpec.model_validate({"subject": {"type": "lake", "namespace": "s"}, "chaos": {"type": "x"}})
    context = SubjectContext(cast(Cluster, None), "s", lambda: datetime.now(UTC))
    with pytest.raises(Rejected) as rejected:
        resolve_subject(spec, "default", installed().subjects, context)
    assert rejected.value.refusal.reason is Reason.UNKNOWN_SUBJECT
    assert str(rejected.value) == (
        f"subject type 'lake' is unknown; valid: {', '.join(OURS)}; the subject lake of the package broken-lake is not "
        "used: it cannot be imported: ModuleNotFoundError: No module named 'lake_chaos'"
    )
