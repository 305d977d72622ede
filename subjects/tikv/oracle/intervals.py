"""How often stores report to PD, by their own configuration."""

from __future__ import annotations

import re
from typing import Any

from subjects.protocol import SubjectError
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import TIKV
from subjects.tikv.oracle.observations import DEFAULT_HEARTBEAT_SECONDS
from subjects.watching.polling import send_within

CONFIG_PATH = "/config"
KEY = ("raftstore", "pd-store-heartbeat-tick-interval")

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


async def heartbeat_seconds(endpoints: Endpoints, timeout: float) -> float:
    """What the first store that answers within `timeout` seconds has; as shipped where none does.

    ClusterUnreachable comes through.
    """
    try:
        pods = await endpoints.tikv_pods()
    except SubjectError:
        return DEFAULT_HEARTBEAT_SECONDS
    for _, pod in sorted(pods.items()):
        result = await send_within(timeout, lambda pod=pod: endpoints.ask(TIKV, pod, CONFIG_PATH, timeout))  # type: ignore[misc]
        if result.answer is not None and result.answer.status == 200:
            return read_interval(result.answer.body)
    return DEFAULT_HEARTBEAT_SECONDS


def read_interval(config: Any) -> float:
    """From a store's configuration, in seconds; as shipped where it is not in there."""
    value = config
    for key in KEY:
        value = value.get(key) if isinstance(value, dict) else None
    seconds = duration(value) if isinstance(value, str) else None
    return seconds or DEFAULT_HEARTBEAT_SECONDS


def duration(text: str) -> float | None:
    """A duration as TiKV writes it, `1m30s` or `500ms`, in seconds; None where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)
