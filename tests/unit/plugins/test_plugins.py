"""Plug-ins are found by entry points: our own from pyproject.toml, those of others from their distributions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from subjects.plugins import BrokenPlugin, UnknownPlugin, find_plugins, load_plugin

GROUP = "evalcampaign.of_a_test"


def install(folder: Path, distribution: str, **entry_points: str) -> None:
    """Lay out what pip would: the metadata of a distribution with entry points of GROUP."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for distributions in."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_plugin_of_another_distribution_is_found_and_imported_only_when_it_is_loaded(site: Any) -> None:
    (site / "of_others.py").write_text("VALUE = 7\n")
    install(site, "of-others", seven="of_others:VALUE")
    assert list(find_plugins(GROUP)) == ["seven"] and "of_others" not in sys.modules
    assert load_plugin(GROUP, "seven") == 7


def test_an_unknown_name_is_answered_with_those_that_there_are(site: Any) -> None:
    install(site, "of-others", b="x:Y", a="x:Y")
    with pytest.raises(UnknownPlugin, match="'c' is none of a, b") as refused:
        load_plugin(GROUP, "c")
    assert refused.value.names == ("a", "b")
    with pytest.raises(UnknownPlugin, match="there are none"):
        load_plugin("evalcampaign.nobody", "c")


@pytest.mark.parametrize(
    ("code", "value", "why"),
    [
        ("raise RuntimeError('no licence')", "broken:VALUE", "RuntimeError: no licence"),
        ("", "broken:VALUE", "AttributeError"),
        ("", "of_nobody:VALUE", "ModuleNotFoundError"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named_with_its_package(site: Any, code: Any, value: Any, why: Any) -> None:
    (site / "broken.py").write_text(code)
    sys.modules.pop("broken", None)
    install(site, "of-others", broken=value)
    with pytest.raises(BrokenPlugin, match=why) as refused:
        load_plugin(GROUP, "broken")
    assert "the package of-others" in str(refused.value)


def test_of_two_distributions_the_one_whose_name_comes_first_has_a_name(site: Any) -> None:
    (site / "two.py").write_text("A, B = 1, 2\n")
    install(site, "b-dist", both="two:B")
    install(site, "a-dist", both="two:A")
    assert load_plugin(GROUP, "both") == 1


def test_no_other_distribution_takes_a_name_of_ours(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    group = "evalcampaign.agent_sources"
    monkeypatch.setattr(sys.modules[__name__], "GROUP", group)
    install(site, "a-dist", http="two:A", mail="two:A")
    found = find_plugins(group)
    assert found["http"].module.startswith("controller.") and found["mail"].module == "two"
