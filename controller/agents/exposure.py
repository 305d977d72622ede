"""Finds out what an agent's ServiceAccount may read that reveals the evaluation, and describes it.

Pure, but for the access reviews, which the caller's `ask` makes.
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
"""Returns whether an account may do something; None where that is unknown."""


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """Its user name at the API server."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def __str__(self) -> str:
        return qualified_name(self.namespace, self.name)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that it belongs to. Permissions may be bound to any of them."""
        return "system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission that an account has with any of the verbs. `flag` is what the record then has."""

    what: str
    attributes: Attributes
    verbs: tuple[str, ...]
    flag: Flag = Flag.AGENT_CAN_SEE_EVALUATION

    def resource_attributes(self) -> Iterator[Attributes]:
        """Yields the attributes to ask about, one verb at a time."""
        for verb in self.verbs:
            yield {**self.attributes, "verb": verb}


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces of the campaign, its subject and the controller."""

    campaign: str
    subject: str
    controller: str


def revealing_permissions(namespaces: Namespaces) -> tuple[Permission, ...]:
    """Returns all permissions that reveal the evaluation, or what was done to the subject."""
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
    """What is known about an account: the permissions that it has (`can`), and those that could not be checked."""

    account: Account | None
    can: tuple[Permission, ...] = ()
    unknown: tuple[Permission, ...] = ()

    @property
    def flags(self) -> frozenset[Flag]:
        """The flags for the record."""
        unknown = {Flag.AGENT_RIGHTS_UNKNOWN} if self.unknown or self.account is None else set()
        return frozenset({permission.flag for permission in self.can} | unknown)

    @property
    def message(self) -> str:
        """A sentence about it; empty where the account can read nothing and all is known."""
        if self.account is None:
            return "whether the agent can read of the evaluation is unknown: its Deployment could not be read"
        account = f"the agent's ServiceAccount {self.account}"
        parts = []
        if self.can:
            parts.append(f"{account} can read {_listed(self.can)}")
        if self.unknown:
            parts.append(f"whether {'it' if parts else account} can read {_listed(self.unknown)} is unknown")
        return "; ".join(parts)


async def check_exposure(account: Account, namespaces: Namespaces, ask: Ask) -> Exposure:
    """Ask about every permission. Where one verb is allowed, the others are not asked about."""
    can, unknown = [], []
    for permission in revealing_permissions(namespaces):
        match await _any(account, permission, ask):
            case True:
                can.append(permission)
            case None:
                unknown.append(permission)
    return Exposure(account, tuple(can), tuple(unknown))


async def _any(account: Account, permission: Permission, ask: Ask) -> bool | None:
    answers = []
    for attributes in permission.resource_attributes():
        answers.append(await ask(account, attributes))
        if answers[-1]:
            return True
    return None if None in answers else False


def _listed(permissions: Sequence[Permission]) -> str:
    return ", ".join(permission.what for permission in permissions)
