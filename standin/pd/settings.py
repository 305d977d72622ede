"""PD's configuration: the shipped values, what pd.toml says, and what is changed while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..durations import duration, seconds

SCHEDULE: Mapping[str, Any] = {
    "max-snapshot-count": 64,
    "max-pending-peer-count": 64,
    "max-merge-region-size": 54,
    "max-merge-region-keys": 540000,
    "split-merge-interval": "1h0m0s",
    "switch-witness-interval": "1h0m0s",
    "enable-one-way-merge": "false",
    "enable-cross-table-merge": "true",
    "patrol-region-interval": "10ms",
    "max-store-down-time": "30m0s",
    "max-store-preparing-time": "48h0m0s",
    "leader-schedule-limit": 4,
    "leader-schedule-policy": "count",
    "region-schedule-limit": 2048,
    "witness-schedule-limit": 4,
    "replica-schedule-limit": 64,
    "merge-schedule-limit": 8,
    "hot-region-schedule-limit": 4,
    "affinity-schedule-limit": 0,
    "hot-region-cache-hits-threshold": 3,
    "tolerant-size-ratio": 0,
    "low-space-ratio": 0.8,
    "high-space-ratio": 0.7,
    "region-score-formula-version": "v2",
    "scheduler-max-waiting-operator": 5,
    "enable-remove-down-replica": "true",
    "enable-replace-offline-replica": "true",
    "enable-make-up-replica": "true",
    "enable-remove-extra-replica": "true",
    "enable-location-replacement": "true",
    "enable-debug-metrics": "false",
    "enable-joint-consensus": "true",
    "enable-tikv-split-region": "true",
    "enable-heartbeat-breakdown-metrics": "true",
    "enable-heartbeat-concurrent-runner": "true",
    "hot-regions-write-interval": "10m0s",
    "hot-regions-reserved-days": 7,
    "max-movable-hot-peer-size": 512,
    "enable-diagnostic": "true",
    "enable-witness": "false",
    "slow-store-evicting-affected-store-ratio-threshold": 0.3,
    "store-limit-version": "v1",
    "patrol-region-worker-count": 1,
    "max-affinity-merge-region-size": 256,
}
"""The schedule section. Of all this, only `max-store-down-time` changes what the stand-in does."""

REPLICATION: Mapping[str, Any] = {
    "max-replicas": 3,
    "location-labels": "",
    "strictly-match-label": "false",
    "enable-placement-rules": "true",
    "enable-placement-rules-cache": "false",
    "isolation-level": "",
}

Config = dict[str, dict[str, Any]]


class NoSuchItem(Exception):
    """There is no such configuration item, or it cannot have that value."""


def shipped() -> Config:
    return {"schedule": dict(SCHEDULE), "replication": dict(REPLICATION)}


def from_toml(told: Mapping[str, Any]) -> Config:
    """With what a file says of these sections; all else in it is left alone, as unknown items are by PD."""
    config = shipped()
    for section, items in config.items():
        for key, value in told.get(section, {}).items():
            if key in items:
                items[key] = _like(items[key], value)
    return config


def change(config: Config, changes: Mapping[str, Any]) -> None:
    """As `POST /config` does: `schedule.max-store-down-time`, or without the section. NoSuchItem, and no change."""
    found: list[tuple[dict[str, Any], str, Any]] = []
    for name, value in changes.items():
        section, _, key = name.rpartition(".")
        places = [items for title, items in config.items() if section in ("", title) and key in items]
        if not places:
            raise NoSuchItem(f"config item {name} not found")
        try:
            found.append((places[0], key, _like(places[0][key], value)))
        except (ValueError, TypeError) as error:
            raise NoSuchItem(f"{name}: {error}") from error
    for items, key, value in found:
        items[key] = value


def _like(old: Any, new: Any) -> Any:
    """The new value, written as PD writes one of its kind. ValueError and TypeError where it is of another."""
    if isinstance(old, str):
        if old in ("true", "false"):
            return str(new).lower()
        if old[-1:] == "s" and old[:1].isdigit():
            return duration(round(seconds(new) * 1e9))
        return str(new)
    return type(old)(new)
