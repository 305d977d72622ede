"""What an agent's account may read that tells it that it is being evaluated: which rights count, and what is said.

Pure, but for the questions themselves, which somebody else answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.api import GROUP, PLURAL
from controller.records.rows import Flag
from controller.text import qualified_name

READ = ("get", "list", "watch")

Attributes = Mapping[str, str]
"""`resourceAttributes` of a SubjectAccessReview."""

Ask = Callable[["Account", Attributes], Awaitable[bool | None]]
"""Whether an account may do something; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """As whom the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def __str__(self) -> str:
        return qualified_name(self.namespace, self.name)

    @property
    def groups(self) -> tuple[str, ...]:
        """To which it belongs: rights may be bound to any of them."""
        return "system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that an account may be let do. Any of the verbs is enough. `flag`: what the record says of it."""

    what: str
    attributes: Attributes
    verbs: tuple[str, ...]
    flag: Flag = Flag.AGENT_CAN_SEE_EVALUATION

    def resource_attributes(self) -> Iterator[Attributes]:
        """What is to be asked, a verb at a time."""
        for verb in self.verbs:
            yield {**self.attributes, "verb": verb}


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces that matter: the campaign's, its subject's, the controller's."""

    campaign: str
    subject: str
    controller: str


def revealing_permissions(namespaces: Namespaces) -> tuple[Permission, ...]:
    """Every right that tells an agent of the evaluation, or what was done to its subject."""
    campaign, subject, controller = namespaces.campaign, namespaces.subject, namespaces.controller
    definition = {"group": "apiextensions.k8s.io", "resource": "customresourcedefinitions", "name": f"{PLURAL}.{GROUP}"}
    pods = {"resource": "pods", "namespace": controller}
    roles = {"group": "rbac.authorization.k8s.io", "resource": "rolebindings", "namespace": subject}
    return (
        Permission(
            f"campaigns in namespace {campaign}",
            {"group": GROUP, "resource": PLURAL, "namespace": campaign},
            READ,
        ),
        Permission(f"Events in namespace {campaign}", {"resource": "events", "namespace": campaign}, READ),
        Permission(f"pods in namespace {controller}", pods, READ),
        Permission(f"logs in namespace {controller}", {**pods, "subresource": "log"}, ("get",)),
        Permission(
            f"the records, by port-forward in namespace {controller}",
            {**pods, "subresource": "portforward"},
            ("get", "create"),
        ),
        Permission(
            f"the records, by exec in namespace {controller}", {**pods, "subresource": "exec"}, ("get", "create")
        ),
        Permission(f"Secrets in namespace {controller}", {"resource": "secrets", "namespace": controller}, READ),
        Permission(f"the definition of {PLURAL}", definition, READ),
        Permission(f"RoleBindings in namespace {subject}", roles, READ),
        Permission(
            f"Events in namespace {subject}",
            {"resource": "events", "namespace": subject},
            READ,
            Flag.AGENT_CAN_READ_EVENTS,
        ),
    )


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was found out about an account. `can` and `unknown` are rights of which that is so."""

    account: Account | None
    can: tuple[Permission, ...] = ()
    unknown: tuple[Permission, ...] = ()

    @property
    def flags(self) -> frozenset[Flag]:
        """What the record says."""
        unknown = {Flag.AGENT_RIGHTS_UNKNOWN} if self.unknown or self.account is None else set()
        return frozenset({right.flag for right in self.can} | unknown)

    @property
    def message(self) -> str:
        """In a sentence; empty where there is nothing to be said."""
        if self.account is None:
            return "whether the agent can read of the evaluation is unknown: its Deployment could not be read"
        who = f"the agent's ServiceAccount {self.account}"
        parts = []
        if self.can:
            parts.append(f"{who} can read {_listed(self.can)}")
        if self.unknown:
            parts.append(f"whether {'it' if parts else who} can read {_listed(self.unknown)} is unknown")
        return "; ".join(parts)


async def check_exposure(account: Account, namespaces: Namespaces, ask: Ask) -> Exposure:
    """Ask about every right. Where one verb is allowed, the others are not asked about."""
    can, unknown = [], []
    for right in revealing_permissions(namespaces):
        match await _any(account, right, ask):
            case True:
                can.append(right)
            case None:
                unknown.append(right)
    return Exposure(account, tuple(can), tuple(unknown))


async def _any(account: Account, right: Permission, ask: Ask) -> bool | None:
    answers = []
    for attributes in right.resource_attributes():
        answers.append(await ask(account, attributes))
        if answers[-1]:
            return True
    return None if None in answers else False


def _listed(rights: Sequence[Permission]) -> str:
    return ", ".join(right.what for right in rights)
