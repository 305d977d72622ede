"""The runtime in front of runc: it takes one capability away, and nothing else."""

import json
from pathlib import Path

import pytest

from cluster.docker.capabilities import bounding_set
from cluster.docker.runtime import option, rewrite, without_missing

PROCESS = {
    "args": ["sh"],
    "oomScoreAdj": -500,
    "capabilities": {
        "bounding": ["CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"],
        "effective": ["CAP_SYS_RESOURCE"],
        "ambient": None,
    },
}
KEPT = {"args": ["sh"], "capabilities": {"bounding": ["CAP_SYS_ADMIN"], "effective": [], "ambient": []}}


def test_the_capability_goes_and_the_rest_stays() -> None:
    assert without_missing(PROCESS) == KEPT


def test_a_process_without_capabilities_gets_none() -> None:
    assert without_missing({"args": ["sh"]}) == {"args": ["sh"]}


@pytest.mark.parametrize("args", [["-b", "/x"], ["--bundle", "/x"], ["--bundle=/x"]])
def test_options_are_found_in_every_spelling(args: list[str]) -> None:
    assert option(["--root", "/r", "create", *args, "id"], "--bundle", "-b") == "/x"


def test_an_absent_option_is_none() -> None:
    assert option(["create", "id"], "--bundle", "-b") is None


def test_create_rewrites_the_bundle(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ociVersion": "1", "process": PROCESS}))
    rewrite(["--log", "l", "create", "--bundle", str(tmp_path), "id"])
    assert json.loads(config.read_text()) == {"ociVersion": "1", "process": KEPT}


def test_exec_rewrites_the_process_file(tmp_path: Path) -> None:
    process = tmp_path / "process.json"
    process.write_text(json.dumps(PROCESS))
    rewrite(["exec", "--process", str(process), "id"])
    assert json.loads(process.read_text()) == KEPT


def test_other_commands_touch_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rewrite(["state", "id"])
    rewrite(["kill", "id", "9"])


@pytest.mark.parametrize(("mask", "has"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_the_bounding_set_is_read_from_the_status_of_a_process(mask: str, has: bool) -> None:
    assert bool(bounding_set(f"Name:\tpython\nCapBnd:\t{mask}\nSeccomp:\t0\n") >> 24 & 1) is has
