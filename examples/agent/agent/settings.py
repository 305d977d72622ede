"""What the environment says. Read once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .policies import POLICIES

SUBJECTS = ("tikv", "etcd")

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts a pod's own token, and what the API server's certificate is to be checked against."""


class Unusable(Exception):
    """The environment asks for what there is not; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the agent is to be. `patience` and `every` are seconds.

    `report`: where it tells what it does, the URL of an intake or the path of an operator.db. `pd`: the URL of any PD,
    empty for a system that has none. `patience`: for how long something must be wrong before it is called so; `every`:
    how long it rests between two looks. `ready`: the file that appears once it sees.
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
        """From the variables AGENT_*. Raises Unusable."""
        subject = _one_of(environment, "AGENT_SUBJECT", SUBJECTS, "tikv")
        namespace = environment.get("AGENT_NAMESPACE", subject)
        return cls(
            policy=_one_of(environment, "AGENT_POLICY", tuple(POLICIES), "fixer"),
            subject=subject,
            namespace=namespace,
            report=_said(environment, "AGENT_REPORT", "http://HOST:PORT or the path of an operator.db"),
            token_file=Path(environment.get("AGENT_TOKEN_FILE", "/var/run/ticket-desk/token")),
            seed=int(_number(environment, "AGENT_SEED", 0)),
            patience=_number(environment, "AGENT_PATIENCE", 2),
            every=_number(environment, "AGENT_EVERY", 1),
            api=environment.get("AGENT_API", "https://kubernetes.default.svc"),
            pd=environment.get("AGENT_PD", f"http://pd.{namespace}:2379") if subject == "tikv" else "",
            account=Path(environment.get("AGENT_ACCOUNT", str(ACCOUNT))),
            ready=Path(environment.get("AGENT_READY", "/tmp/ready")),
        )


def _said(environment: Mapping[str, str], name: str, what: str) -> str:
    if not (said := environment.get(name, "")):
        raise Unusable(f"{name} is not set: {what}.")
    return said


def _one_of(environment: Mapping[str, str], name: str, known: tuple[str, ...], default: str) -> str:
    if (said := environment.get(name, default)) not in known:
        raise Unusable(f"{name}={said} is not known: one of {', '.join(known)}.")
    return said


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    said = environment.get(name, str(default))
    try:
        return float(said)
    except ValueError:
        raise Unusable(f"{name}={said} is not a number.") from None
