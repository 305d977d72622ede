"""The settings, which are read from environment variables once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .policies import POLICIES

SUBJECTS = ("tikv", "etcd")

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""The folder with the pod's token and the certificate of the API server's authority."""


class InvalidSettings(Exception):
    """A variable is missing or has no valid value; the text says which values are valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings. `patience` and `every` are seconds.

    `report` is the URL of an intake or the path of an operator.db. `pd` is the URL of any PD, or empty.
    `patience` is for how long there must be symptoms before a ticket is opened, `every` the pause between two
    probes, and `ready` the file that is created once the agent can detect faults.
    """

    policy: str
    subject: str
    namespace: str
    report: str
    token_file: Path
    seed: int
    patience: float
    every: float
    api: str
    pd: str
    account: Path
    ready: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Reads the variables AGENT_*. Raises InvalidSettings."""
        subject = _one_of(environment, "AGENT_SUBJECT", SUBJECTS, "tikv")
        namespace = environment.get("AGENT_NAMESPACE", subject)
        return cls(
            policy=_one_of(environment, "AGENT_POLICY", tuple(POLICIES), "fixer"),
            subject=subject,
            namespace=namespace,
            report=_required(environment, "AGENT_REPORT", "http://HOST:PORT or the path of an operator.db"),
            token_file=Path(environment.get("AGENT_TOKEN_FILE", "/var/run/ticket-desk/token")),
            seed=int(_number(environment, "AGENT_SEED", 0)),
            patience=_number(environment, "AGENT_PATIENCE", 2),
            every=_number(environment, "AGENT_EVERY", 1),
            api=environment.get("AGENT_API", "https://kubernetes.default.svc"),
            pd=environment.get("AGENT_PD", f"http://pd.{namespace}:2379") if subject == "tikv" else "",
            account=Path(environment.get("AGENT_ACCOUNT", str(ACCOUNT))),
            ready=Path(environment.get("AGENT_READY", "/tmp/ready")),
        )


def _required(environment: Mapping[str, str], name: str, what: str) -> str:
    if not (value := environment.get(name, "")):
        raise InvalidSettings(f"{name} is not set: {what}.")
    return value


def _one_of(environment: Mapping[str, str], name: str, known: tuple[str, ...], default: str) -> str:
    if (value := environment.get(name, default)) not in known:
        raise InvalidSettings(f"{name}={value} is not known: one of {', '.join(known)}.")
    return value


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise InvalidSettings(f"{name}={value} is not a number.") from None
