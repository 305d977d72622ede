"""Names, durations, sizes, settings: what the rest stands on."""

import pytest

from standin.durations import duration, seconds, size
from standin.names import Names
from standin.node import following
from standin.pd import settings as pd_settings
from standin.pd.views import timestamp
from standin.tikv.settings import Settings


@pytest.mark.parametrize(
    ("text", "value"),
    [("1m", 60), ("1h0m0s", 3600), ("500ms", 0.5), ("2s", 2), ("1m0s", 60), ("0s", 0), ("1.5h", 5400)],
)
def test_durations_are_read_as_go_reads_them(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1m 2s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (60_000_000_000, "1m0s"),
        (3_600_000_000_000, "1h0m0s"),
        (10_000_000, "10ms"),
        (2_398_570_352_704, "39m58.570352704s"),
        (3_666_280_257_986, "1h1m6.280257986s"),
        (0, "0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0B"), (1023, "1023B"), (12_637_000_000, "11.77GiB"), (51_180_000, "48.81MiB")]
)
def test_sizes_are_written_as_pd_writes_them(count: int, text: str) -> None:
    assert size(count) == text


def test_timestamps_lose_zeros_at_their_end_as_in_the_recordings() -> None:
    assert timestamp(1795421639970077290) == "2026-11-23T08:13:59.97007729Z"
    assert timestamp(1795419213_000000000) == "2026-11-23T07:33:33Z"


def test_a_name_that_was_found_is_not_looked_up_again_for_half_a_minute() -> None:
    names, addresses = Names(), iter(["10.0.0.1", "10.0.0.2"])
    assert names.find(0.0, "tikv-0", lambda _: next(addresses)) == "10.0.0.1"
    assert names.find(29.9, "tikv-0", lambda _: next(addresses)) == "10.0.0.1"
    assert names.find(30.1, "tikv-0", lambda _: next(addresses)) == "10.0.0.2"


def test_a_name_that_was_not_found_is_soon_looked_up_again() -> None:
    names, addresses = Names(), iter([None, "10.0.0.2"])
    assert names.find(0.0, "tikv-0", lambda _: next(addresses)) is None
    assert names.find(0.9, "tikv-0", lambda _: next(addresses)) is None
    assert names.find(1.1, "tikv-0", lambda _: next(addresses)) == "10.0.0.2"


def test_what_was_late_for_long_does_not_catch_up() -> None:
    assert following(due=10.0, interval=2.0, now=10.5) == 12.0
    assert following(due=10.0, interval=2.0, now=70.0) == 72.0


def test_tikv_is_timed_as_shipped_where_its_file_says_nothing() -> None:
    assert Settings.from_toml({}) == Settings()
    assert (Settings().tick, Settings().store_heartbeat, Settings().region_heartbeat) == (1.0, 10.0, 60.0)


def test_tikv_is_timed_as_its_file_says() -> None:
    told = {
        "raft-base-tick-interval": "500ms",
        "pd-store-heartbeat-tick-interval": "2s",
        "raft-election-timeout-ticks": 20,
    }
    settings = Settings.from_toml({"log": {"level": "warn"}, "raftstore": told})
    assert (settings.tick, settings.store_heartbeat, settings.pace.election) == (0.5, 2.0, 20)


def test_pds_configuration_is_the_shipped_one_with_what_its_file_says() -> None:
    config = pd_settings.from_toml({"schedule": {"max-store-down-time": "1m", "unknown": 1}, "log": {"level": "warn"}})
    assert config["schedule"]["max-store-down-time"] == "1m0s"
    assert config["replication"]["max-replicas"] == 3


def test_pds_configuration_changes_item_by_item_or_not_at_all() -> None:
    config = pd_settings.shipped()
    pd_settings.change(config, {"schedule.max-store-down-time": "2m", "replication.max-replicas": 5})
    pd_settings.change(config, {"leader-schedule-limit": 0})
    assert config["schedule"]["max-store-down-time"] == "2m0s"
    assert (config["replication"]["max-replicas"], config["schedule"]["leader-schedule-limit"]) == (5, 0)
    for wrong in ({"no-such-item": 1}, {"replication.max-store-down-time": "1m"}, {"max-store-down-time": "soon"}):
        with pytest.raises(pd_settings.NoSuchItem):
            pd_settings.change(config, {"leader-schedule-limit": 9, **wrong})
    assert config["schedule"]["leader-schedule-limit"] == 0
