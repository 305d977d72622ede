"""What the controller is told by its environment."""

from __future__ import annotations

import pytest

from controller.settings import InvalidSetting, Settings


def test_a_pod_is_told_everything():
    settings = Settings.from_environment(
        {
            "EVALCAMPAIGN_DB": "sqlite:////data/records.db",
            "EVALCAMPAIGN_PAUSE_IMAGE": "pause:3",
            "EVALCAMPAIGN_LIVENESS_PORT": "8080",
        }
    )
    assert settings == Settings("sqlite:////data/records.db", {"pause": "pause:3"}, 8080)


def test_a_laptop_is_told_nothing():
    settings = Settings.from_environment({"XDG_DATA_HOME": "/home/me/data"})
    assert settings == Settings("sqlite:////home/me/data/evalcampaign/records.db", {}, 0)


def test_a_bad_port_is_refused():
    with pytest.raises(InvalidSetting, match="http"):
        Settings.from_environment({"EVALCAMPAIGN_LIVENESS_PORT": "http"})
