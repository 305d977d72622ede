"""Does the API server answer, and may the person ask it for a campaign?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.accessreviews import SUBJECT_ACCESS_REVIEWS, access_review, is_allowed
from controller.agents.exposure import Account
from controller.api import GROUP, PLURAL
from controller.cli.checks.finding import Finding, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import NAMESPACE
from controller.cli.cluster.errors import Refused

REVIEWS = "/apis/authorization.k8s.io/v1"


def look(api: Api, namespace: str) -> Iterator[Finding]:
    """Unreachable where it does not answer: nothing else can be said then."""
    found = api.get("/version")
    yield ok(
        f"The API server answers: {found.get('gitVersion', 'unknown version')} at {api.url}, context {api.context}"
    )
    if may(api, {"group": GROUP, "resource": PLURAL, "verb": "create", "namespace": namespace}):
        yield ok(f"You may create campaigns in namespace {namespace}")
    else:
        yield warn(
            f"You may not create campaigns in namespace {namespace}",
            f"have somebody grant you create on {PLURAL}.{GROUP}, or name another with -n",
        )
    reading = {"resource": "pods", "subresource": "portforward", "namespace": NAMESPACE}
    if not all(may(api, {**reading, "verb": verb}) for verb in ("get", "create")):
        yield warn(
            f"You may not port-forward in namespace {NAMESPACE}: you cannot read the records from here",
            f"have somebody grant you get and create on pods/portforward in namespace {NAMESPACE}",
        )


def may(api: Api, attributes: Mapping[str, str]) -> bool:
    """Whether we may do this."""
    kind = "SelfSubjectAccessReview"
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": {"resourceAttributes": dict(attributes)}}
    answer = api.request("POST", f"{REVIEWS}/{kind.lower()}s", body=body)
    return bool(answer.get("status", {}).get("allowed"))


def may_or_unknown(api: Api, attributes: Mapping[str, str], account: Account) -> bool | None:
    """Whether a ServiceAccount may, by itself or as one of its groups; None where we may not ask."""
    try:
        return is_allowed(
            api.request("POST", SUBJECT_ACCESS_REVIEWS, body=access_review(account.user, account.groups, attributes))
        )
    except Refused:
        return None
