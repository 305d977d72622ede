"""`unlock`: who holds the subject and why is said, then it is let go, and never by accident."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from controller.api import Outcome, Phase
from controller.cli.app import app
from controller.records import Records
from controller.records.database import reading
from controller.records.locks import all_locks
from tests.unit.records.samples import at, spec

AGENT = "deployment/agents/fixer"
LEFT = "node_down on etcd-1 was not undone within 120 s"


async def seed(url: str) -> None:
    """`default/demo` could not be cleaned up and holds etcd/etcd-lab; its namesake of later runs on etcd/other."""
    records = await Records.open(url)
    await records.ensure_campaign("uid-1", "default", "demo", spec(), at(0))
    await records.acquire_locks("etcd/etcd-lab", "uid-1", "default/demo", at(1))
    row = await records.open_attempt("uid-1", 1, 1, at(2))
    await records.end_attempt(row.id, Outcome.NOT_HEALED, at=at(3), cleanup_failed=LEFT)
    other = {"subject": {"type": "etcd", "namespace": "other"}}
    await records.ensure_campaign("uid-2", "team-b", "demo", spec(**other), at(10))
    await records.acquire_locks("etcd/other", "uid-2", "team-b/demo", at(11), [AGENT])
    await records.set_phase("uid-2", Phase.RUNNING, "TrialsRunning", "3 trials", at(12))
    await records.close()


@pytest.fixture
def locked(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/records.db"
    asyncio.run(seed(url))
    return url


@pytest.fixture
def unlock(locked: str) -> Callable[..., Result]:
    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, ["unlock", *arguments], input=answer, env={"EVALCAMPAIGN_DB": locked})

    return run


def holders(url: str) -> dict[str, str]:
    async def look() -> dict[str, str]:
        records = await Records.open(url)
        found = [await records.lock_of(uid) for uid in ("uid-1", "uid-2")]
        await records.close()
        return {lock.subject: lock.campaign for lock in found if lock is not None}

    return asyncio.run(look())


def test_it_says_who_holds_it_since_when_and_why_and_lets_go_when_the_answer_is_yes(
    unlock: Callable[..., Any], locked: str
) -> None:
    result = unlock("etcd/etcd-lab", answer="y\n")
    assert result.exit_code == 0
    assert "held by campaign default/demo (uid uid-1) since 2025-03-04 05:06:08 UTC" in result.stdout
    assert f"Failed, CleanupFailed: etcd/etcd-lab stays locked until `evalcampaign unlock etcd/etcd-lab`: {LEFT}" in (
        result.stdout
    )
    assert "etcd/etcd-lab is free" in result.stdout
    assert holders(locked) == {"etcd/other": "team-b/demo"}


@pytest.mark.parametrize(
    ("answer", "told"), [("n\n", "Nothing was changed"), ("\n", "Nothing was changed"), ("", "say --yes")]
)
def test_without_a_yes_nothing_is_changed(unlock: Callable[..., Any], locked: str, answer: str, told: str) -> None:
    result = unlock("etcd/etcd-lab", answer=answer)
    assert result.exit_code == 1 and told in result.stderr
    assert holders(locked)["etcd/etcd-lab"] == "default/demo"


@pytest.mark.parametrize("holder", ["uid-1", "default/demo"])
def test_the_holder_may_be_named_instead(unlock: Callable[..., Any], locked: str, holder: str) -> None:
    assert unlock("--campaign", holder, "--yes").exit_code == 0
    assert holders(locked) == {"etcd/other": "team-b/demo"}


def test_a_name_that_several_holders_bear_is_not_guessed_at(unlock: Callable[..., Any], locked: str) -> None:
    result = unlock("--campaign", "demo", "--yes")
    assert result.exit_code == 1 and "could be any of several" in result.stderr
    assert len(holders(locked)) == 2


def test_a_campaign_that_runs_keeps_its_subject_unless_forced(unlock: Callable[..., Any], locked: str) -> None:
    result = unlock("etcd/other", "--yes")
    assert result.exit_code == 1
    assert "campaign team-b/demo is Running and may be breaking etcd/other at this moment" in result.stderr
    assert "etcd/other" in holders(locked)
    forced = unlock("etcd/other", "--yes", "--force")
    assert forced.exit_code == 0 and "goes on breaking it" in forced.stdout
    assert "etcd/other" not in holders(locked)


@pytest.mark.parametrize("asked", [["tikv/tikv"], ["--campaign", "nobody"], ["etcd/etcd-lab/x"], ["etcd"]])
def test_what_is_not_locked_is_answered_with_what_is(unlock: Callable[..., Any], asked: list[str]) -> None:
    result = unlock(*asked, "--yes", "--force")
    assert result.exit_code == 1
    assert "locked are: deployment/agents/fixer by campaign team-b/demo; etcd/etcd-lab by campaign" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["etcd/etcd-lab", "--campaign", "demo"]])
def test_one_of_the_two_is_named(unlock: Callable[..., Any], arguments: list[str]) -> None:
    assert unlock(*arguments, "--yes").exit_code == 2


def test_an_agents_deployment_is_freed_alone_and_with_the_subject_of_its_holder(
    unlock: Callable[..., Any], locked: str
) -> None:
    refused = unlock(AGENT, "--yes")
    assert refused.exit_code == 1 and f"is Running and may be using {AGENT} at this moment" in refused.stderr
    assert unlock(AGENT, "--yes", "--force").exit_code == 0
    assert AGENT not in held(locked) and "etcd/other" in held(locked)


@pytest.mark.parametrize("named", [["etcd/other"], ["--campaign", "team-b/demo"]])
def test_with_a_subject_goes_the_agent_of_the_same_campaign(
    unlock: Callable[..., Any], locked: str, named: list[str]
) -> None:
    assert unlock(*named, "--yes", "--force").exit_code == 0
    assert held(locked) == {"etcd/etcd-lab"}


def held(url: str) -> set[str]:
    with reading(url) as connection:
        return {lock.subject for lock in all_locks(connection)}


def test_nothing_is_made_where_there_are_no_records(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    result = CliRunner().invoke(app, ["unlock", "etcd/etcd", "--yes", "--db", url])
    assert result.exit_code == 1 and "There are no records" in result.stderr
    assert list(tmp_path.iterdir()) == []
