"""The README keeps its word: its commands exist, its campaign is one, its places and links are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_group

from controller.api import CampaignSpec
from controller.cli.app import app

REPO = Path(__file__).parents[3]
README = (REPO / "README.md").read_text()
PAGES = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]


def test_every_make_command_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= asked <= targets


def test_the_campaign_it_shows_is_one() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    spec = yaml.safe_load(shown)["spec"]
    assert CampaignSpec.model_validate(spec).trials == 3
    assert set(spec) <= {field.alias for field in CampaignSpec.model_fields.values()}


@pytest.mark.parametrize("page", [README, (REPO / "docs" / "cli.md").read_text()], ids=["README", "cli"])
def test_every_command_it_shows_is_one_and_has_those_options(page: str) -> None:
    commands = get_group(app).commands
    shown = re.findall(r"^evalcampaign ([a-z-]+)([^#\n]*)", page, re.MULTILINE)
    assert {"doctor", "run"} <= {name for name, _ in shown} <= set(commands)
    for name, rest in shown:
        known = {option for each in commands[name].params for option in each.opts}
        assert set(re.findall(r"(?<= )--?[a-z-]+", rest)) <= known


def test_the_page_of_the_command_line_names_every_command() -> None:
    table = (REPO / "docs" / "cli.md").read_text().split("| command | does |")[1].split("##")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)
    }
    assert named == set(get_group(app).commands)


def test_every_place_it_names_is_there() -> None:
    table = README.split("## Where things stand")[1].split("##")[0]
    places = [place for place in re.findall(r"`([\w./-]+)`", table) if "/" in place]
    assert len(places) > 10
    assert [place for place in places if not (REPO / place).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []
