"""From the options of `run` to a spec, and every mistake told before anything is created."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from controller.api import CampaignSpec, Mode
from controller.cli.options import UsageError
from controller.cli.run.catalog import validate_spec
from controller.cli.run.request import MOST, RunOptions, build_spec, readable_name

BASELINE = RunOptions(subject="tikv", chaos="node_kill", mode=Mode.BASELINE)
AGENT = RunOptions(subject="tikv", chaos="node_kill")


def test_what_was_not_said_is_left_to_the_api_server() -> None:
    spec, _ = build_spec(BASELINE)
    assert spec == {
        "subject": {"type": "tikv", "namespace": "tikv"},
        "chaos": {"type": "node_kill", "params": {}},
        "mode": "baseline",
    }


def test_every_option_finds_its_field() -> None:
    asked = replace(
        AGENT,
        subject_namespace="db",
        trials=7,
        observe_seconds=60,
        settle_seconds=3,
        seed=9,
        probe="write",
        variant="careful",
        model="m-1",
        agent="agents/mine",
        params=["count=2", "leaders=most"],
        settings=["deadlines.healthySeconds=600", "dryRun=true", "variant.tools=[kubectl, pd-ctl]"],
    )
    spec, read = build_spec(asked)
    assert CampaignSpec.model_validate(spec) == read
    assert (read.subject.namespace, read.subject.probe, read.trials, read.seed) == ("db", "write", 7, 9)
    assert (read.observe_seconds, read.settle_seconds) == (60, 3)
    assert read.chaos.params == {"count": 2, "leaders": "most"}
    assert (read.variant.name, read.variant.model, read.variant.tools) == ("careful", "m-1", ("kubectl", "pd-ctl"))
    assert (read.agent.workload.namespace, read.agent.workload.name) == ("agents", "mine")
    assert (read.deadlines.healthy_seconds, read.dry_run) == (600, True)
    validate_spec(read)


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"source": "http"}, "http"),
        ({"agent": "agents/mine"}, "http"),
        ({"agent_db": "/var/operator.db"}, "operatorDb"),
        ({}, "http"),
        ({"settings": ["agent.source=http"]}, "http"),
    ],
)
def test_an_agents_source_follows_from_what_else_was_said(changes: Any, source: Any) -> None:
    assert build_spec(replace(AGENT, **changes))[1].agent.source == source
    assert build_spec(replace(AGENT, mode=Mode.CONTROL, **changes))[1].agent.source == source


def test_the_options_of_a_source_are_integers_or_texts() -> None:
    asked = replace(AGENT, source="operatorDb", source_options=["path=/var/a=b.db", "most=12", "name="])
    spec, read = build_spec(asked)
    assert spec["agent"] == {"source": "operatorDb", "sourceOptions": {"path": "/var/a=b.db", "most": 12, "name": ""}}
    assert read.agent.source_options == {"path": "/var/a=b.db", "most": 12, "name": ""}


def test_a_source_that_is_not_installed_here_can_be_set_as_a_field() -> None:
    assert build_spec(replace(AGENT, settings=["agent.source=elsewhere"]))[1].agent.source == "elsewhere"


def test_in_a_baseline_an_agents_deployment_is_kept_away_and_has_no_source() -> None:
    assert build_spec(replace(BASELINE, agent="agents/mine"))[1].agent.source == "none"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (replace(BASELINE, subject="tikvv"), "no subject 'tikvv'; did you mean tikv? Known: etcd"),
        (replace(BASELINE, subject="zookeeper"), "no subject 'zookeeper'. Known: etcd"),
        (replace(BASELINE, chaos="node-kill"), "tikv has no chaos 'node-kill'; did you mean node_kill"),
        (replace(BASELINE, params=["cuont=2"]), "no parameter 'cuont'; did you mean count? Known: count, grace"),
        (replace(BASELINE, params=["count=0"]), "node_kill: count: Input should be greater than or equal to 1"),
        (replace(BASELINE, params=["count"]), "--param takes NAME=VALUE, and 'count' is not that"),
        (replace(BASELINE, trials=0), "spec.trials: Input should be greater than or equal to 1"),
        (replace(BASELINE, subject="etcd", probe="write"), "etcd does not take spec.subject.probe"),
        (replace(BASELINE, settings=["deadlines.healthy=3"]), "no field 'healthy'; did you mean healthySeconds"),
        (replace(BASELINE, settings=["trial=3"]), "no field 'trial'; did you mean trials"),
        (replace(BASELINE, settings=["trials"]), "--set takes FIELD=VALUE"),
        (replace(BASELINE, settings=["trials=[1"]), "is no YAML"),
        (replace(AGENT, source="htpt"), "no agent source 'htpt'; did you mean http? Known: http, none, operatorDb"),
        (replace(AGENT, source_options=["file"]), "--source-option takes NAME=VALUE, and 'file' is not that"),
        (replace(AGENT, agent="mine"), "--agent takes NAMESPACE/DEPLOYMENT, and 'mine' is not that"),
    ],
)
def test_a_mistake_is_a_sentence_that_names_what_is_known(asked: Any, said: Any) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        validate_spec(build_spec(asked)[1])


def test_a_made_up_name_begins_with_what_it_is_about_and_is_a_name() -> None:
    name = readable_name("tikv", "pd_leader_kill")
    assert re.fullmatch(r"tikv-pd-leader-kill-[a-z]+-[a-z]+", name)
    long = readable_name("s" * 60, "c" * 60)
    assert len(long) <= MOST and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", long)
