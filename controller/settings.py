"""The controller's settings, read from environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from controller.authorization import DEFAULT_KEYS, OptInKeys
from controller.records.quota import LogLimits

LOCALHOST = "127.0.0.1"
"""Reached from outside the pod only through the API server, with permission for `pods/portforward`."""


FIELD_MANAGER = "manager"
"""The default of common controller tools; an agent that reads `managedFields` learns nothing from it."""

KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""A key of a label or an annotation, as Kubernetes has it: an optional prefix, and a name of up to 63 characters."""

MANAGER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Kubernetes accepts 128 printable characters. Spaces and slashes would be changed in a User-Agent."""


class InvalidSetting(Exception):
    """A variable has an invalid value; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` is an SQLAlchemy URL; `images` names helper images by role.

    Ports, where 0 serves nothing: `liveness_port` for the kubelet's probe, `intake_port` for agents that send,
    `records_port`, on 127.0.0.1, for people who read, and `metrics_port`, on `metrics_host`, for Prometheus.
    `namespace` is the controller's own, which holds the Secrets of its tokens. `field_manager` is the name in the
    `managedFields` of every object that it changes, and in its User-Agent. `opt_in` names the label and the annotation
    by which a namespace opts in. `kubeconfig` names a file for a controller outside the cluster; None means kubectl's
    choice. `agent_files` is the folder below which agents' operator.db files are read; None means that none is.
    `log_limits` bounds the space that agents may fill, `active_campaigns` how many campaigns of one namespace are
    active at a time; 0 is no limit.
    """

    database: str
    images: Mapping[str, str]
    liveness_port: int
    kubeconfig: Path | None = None
    intake_port: int = 0
    records_port: int = 0
    metrics_port: int = 0
    metrics_host: str = LOCALHOST
    namespace: str = "evalcampaign"
    field_manager: str = FIELD_MANAGER
    opt_in: OptInKeys = field(default_factory=OptInKeys)
    agent_files: Path | None = None
    log_limits: LogLimits = field(default_factory=LogLimits)
    active_campaigns: int = 100

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads the variables EVALCAMPAIGN_… that docs/running.md lists. Raises InvalidSetting, which names one."""
        pause = environment.get("EVALCAMPAIGN_PAUSE_IMAGE", "")
        return cls(
            database=environment.get("EVALCAMPAIGN_DB", "") or _default_database(environment),
            images={"pause": pause} if pause else {},
            liveness_port=_port(environment, "EVALCAMPAIGN_LIVENESS_PORT"),
            intake_port=_port(environment, "EVALCAMPAIGN_INTAKE_PORT"),
            records_port=_port(environment, "EVALCAMPAIGN_RECORDS_PORT"),
            metrics_port=_port(environment, "EVALCAMPAIGN_METRICS_PORT"),
            metrics_host=_host(environment, "EVALCAMPAIGN_METRICS_HOST"),
            namespace=environment.get("EVALCAMPAIGN_NAMESPACE", "") or "evalcampaign",
            field_manager=_named(environment, "EVALCAMPAIGN_FIELD_MANAGER", FIELD_MANAGER, MANAGER, "a plain word"),
            opt_in=opt_in_keys(environment),
            agent_files=_folder(environment, "EVALCAMPAIGN_AGENT_FILES"),
            log_limits=LogLimits(
                campaign_log=_mebibytes(environment, "EVALCAMPAIGN_LOG_MEBIBYTES", LogLimits().campaign_log),
                database=_mebibytes(environment, "EVALCAMPAIGN_RECORDS_MEBIBYTES", LogLimits().database),
                free=_mebibytes(environment, "EVALCAMPAIGN_FREE_MEBIBYTES", LogLimits().free),
            ),
            active_campaigns=_number(environment, "EVALCAMPAIGN_ACTIVE_CAMPAIGNS", 100),
        )


def opt_in_keys(environment: Mapping[str, str] = os.environ) -> OptInKeys:
    """Reads EVALCAMPAIGN_CONSENT_LABEL and _CONSENT_ANNOTATION. Raises InvalidSetting."""
    what = "a key such as name or example.org/name"
    label = _named(environment, "EVALCAMPAIGN_CONSENT_LABEL", DEFAULT_KEYS.label, KEY, what)
    annotation = _named(environment, "EVALCAMPAIGN_CONSENT_ANNOTATION", DEFAULT_KEYS.annotation, KEY, what)
    return OptInKeys(label, annotation)


def _named(environment: Mapping[str, str], name: str, default: str, form: re.Pattern[str], what: str) -> str:
    text = environment.get(name, "") or default
    if not form.fullmatch(text):
        raise InvalidSetting(f"{name} must be {what}, and is {text!r}")
    return text


def _port(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "") or "0"
    if not text.isdecimal() or int(text) > 65535:
        raise InvalidSetting(f"{name} must be a port, 0 to 65535, and is {text!r}")
    return int(text)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise InvalidSetting(f"{name} must be a number, 0 for no limit, and is {text!r}")
    return int(text)


def _mebibytes(environment: Mapping[str, str], name: str, default: int) -> int:
    return _number(environment, name, default >> 20) << 20


def _host(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "") or LOCALHOST
    try:
        return str(ip_address(text))
    except ValueError:
        raise InvalidSetting(f"{name} must be an IP address to listen on, and is {text!r}") from None


def _folder(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name, "")
    if text and (not Path(text).is_absolute() or Path(text) == Path("/")):
        raise InvalidSetting(f"{name} must be the absolute path of a folder other than /, and is {text!r}")
    return Path(text) if text else None


def _default_database(environment: Mapping[str, str]) -> str:
    """A file in the user's data folder, for a controller outside the cluster."""
    data = environment.get("XDG_DATA_HOME", "") or str(Path.home() / ".local" / "share")
    return f"sqlite:///{data}/evalcampaign/records.db"
