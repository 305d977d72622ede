"""What a check finds: one line each, with the remedy where something is wrong; and access reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from controller.accessreviews import SUBJECT_ACCESS_REVIEWS, access_review, is_allowed
from controller.agents.exposure import Account
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import Refused

REVIEWS = "/apis/authorization.k8s.io/v1"


class Level(StrEnum):
    """The severity of a finding. Only `fail` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, and in `fix` the remedy."""

    level: Level
    message: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """Returns the finding as JSON."""
        return asdict(self)


def ok(message: str) -> Finding:
    """Returns a finding that nothing is wrong."""
    return Finding(Level.OK, message)


def warn(message: str, fix: str = "") -> Finding:
    """Returns a finding that something may be wrong, or is unknown."""
    return Finding(Level.WARN, message, fix)


def fail(message: str, fix: str) -> Finding:
    """Returns a finding that keeps campaigns from running."""
    return Finding(Level.FAIL, message, fix)


def may(api: Api, attributes: Mapping[str, str]) -> bool:
    """Returns whether the person may do this."""
    kind = "SelfSubjectAccessReview"
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": {"resourceAttributes": dict(attributes)}}
    answer = api.request("POST", f"{REVIEWS}/{kind.lower()}s", body=body)
    return bool(answer.get("status", {}).get("allowed"))


def may_or_unknown(api: Api, attributes: Mapping[str, str], account: Account) -> bool | None:
    """Returns whether a ServiceAccount may do this, itself or by a group; None where the answer is refused."""
    try:
        return is_allowed(
            api.request("POST", SUBJECT_ACCESS_REVIEWS, body=access_review(account.user, account.groups, attributes))
        )
    except Refused:
        return None
