"""What the controller is told by its environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.authorization import OptInKeys
from controller.records.quota import LogLimits
from controller.settings import InvalidSetting, Settings


def test_a_pod_is_told_everything() -> None:
    settings = Settings.from_environment(
        {
            "EVALCAMPAIGN_DB": "sqlite:////data/records.db",
            "EVALCAMPAIGN_PAUSE_IMAGE": "pause:3",
            "EVALCAMPAIGN_LIVENESS_PORT": "8080",
            "EVALCAMPAIGN_INTAKE_PORT": "8090",
            "EVALCAMPAIGN_RECORDS_PORT": "8091",
            "EVALCAMPAIGN_METRICS_PORT": "8092",
            "EVALCAMPAIGN_METRICS_HOST": "0.0.0.0",
            "EVALCAMPAIGN_NAMESPACE": "evaluation",
            "EVALCAMPAIGN_FIELD_MANAGER": "kubectl",
            "EVALCAMPAIGN_CONSENT_LABEL": "example.org/ok",
            "EVALCAMPAIGN_CONSENT_ANNOTATION": "who",
            "EVALCAMPAIGN_AGENT_FILES": "/var/lib/agents",
        }
    )
    assert settings == Settings(
        "sqlite:////data/records.db",
        {"pause": "pause:3"},
        liveness_port=8080,
        intake_port=8090,
        records_port=8091,
        metrics_port=8092,
        metrics_host="0.0.0.0",
        namespace="evaluation",
        field_manager="kubectl",
        opt_in=OptInKeys("example.org/ok", "who"),
        agent_files=Path("/var/lib/agents"),
    )


def test_a_laptop_is_told_nothing() -> None:
    settings = Settings.from_environment({"XDG_DATA_HOME": "/home/me/data"})
    assert settings == Settings("sqlite:////home/me/data/evalcampaign/records.db", {}, 0)
    assert settings.metrics_host == "127.0.0.1" and settings.agent_files is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVALCAMPAIGN_LIVENESS_PORT", "http"),
        ("EVALCAMPAIGN_METRICS_PORT", "65536"),
        ("EVALCAMPAIGN_METRICS_HOST", "everywhere"),
        ("EVALCAMPAIGN_FIELD_MANAGER", "our client"),
        ("EVALCAMPAIGN_CONSENT_LABEL", "a b"),
        ("EVALCAMPAIGN_CONSENT_LABEL", "Example/ok"),
        ("EVALCAMPAIGN_CONSENT_ANNOTATION", "-who"),
        ("EVALCAMPAIGN_AGENT_FILES", "agents"),
        ("EVALCAMPAIGN_AGENT_FILES", "/"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} must be .* '{value}'"):
        Settings.from_environment({name: value})


def test_the_page_about_running_it_knows_every_variable_and_no_other() -> None:
    repo = Path(__file__).parents[3]
    read = set(re.findall(r'"(EVALCAMPAIGN_\w+)"', (repo / "controller" / "settings.py").read_text()))
    told = re.findall(r"^\| `(EVALCAMPAIGN_\w+)` \|", (repo / "docs" / "running.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(read)


def test_the_limits_are_in_mebibytes_and_0_is_none() -> None:
    limits = {
        "EVALCAMPAIGN_LOG_MEBIBYTES": "1",
        "EVALCAMPAIGN_RECORDS_MEBIBYTES": "0",
        "EVALCAMPAIGN_FREE_MEBIBYTES": "3",
    }
    settings = Settings.from_environment({"EVALCAMPAIGN_DB": "x", "EVALCAMPAIGN_ACTIVE_CAMPAIGNS": "7", **limits})
    assert settings.active_campaigns == 7
    assert settings.log_limits == LogLimits(campaign_log=1 << 20, database=0, free=3 << 20)
    assert Settings.from_environment({"EVALCAMPAIGN_DB": "x"}).log_limits == LogLimits()


@pytest.mark.parametrize("number", ["-1", "1.5", "many", "9999999999", "٣"])
def test_a_limit_that_is_no_number_is_named(number: str) -> None:
    with pytest.raises(InvalidSetting, match="EVALCAMPAIGN_FREE_MEBIBYTES must be a number"):
        Settings.from_environment({"EVALCAMPAIGN_FREE_MEBIBYTES": number})
