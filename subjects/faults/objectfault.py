"""The base of faults that change one object other than a pod: a ConfigMap, a Service, a Deployment's template.

The change is a set of values at paths in the object. The record holds the values from before. Reverting puts them back
at the paths that still have the fault's values.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, ClassVar

from pydantic import BaseModel

from subjects.cluster import ClusterError
from subjects.errors import ChaosRefused, SubjectError
from subjects.fault import Fault, Json, Target
from subjects.faulttype import Candidates, FaultContext, FaultType, require_applied
from subjects.permits import InjectPermit, RevertPermit, Voters

Operation = Mapping[str, Json]
"""One operation of a JSON patch (RFC 6902)."""

CHANGES = "changes"
"""Key in `Fault.undo`: a list of `path` (a JSON pointer), `before` (empty, or one value in a list) and `after`."""


def value_at(tree: Any, pointer: str) -> list[Json]:
    """Returns the value at a JSON pointer (RFC 6901), in a list; an empty list where there is none. Pure."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(tree, Mapping) and key in tree:
            tree = tree[key]
        elif isinstance(tree, Sequence) and not isinstance(tree, str) and key.isdecimal() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return []
    return [tree]


class ObjectFault(FaultType):
    """A fault that changes values in one object of the subject's namespace, in one request.

    A type defines the `kind` of object, which object it is (`choose`), and the new values (`changes`). `choose` reads
    through `context.cluster`.
    """

    kind: ClassVar[str]
    takes_members: ClassVar[bool] = False

    @abstractmethod
    async def choose(
        self, context: FaultContext, candidates: Candidates, params: BaseModel, rng: Random
    ) -> Mapping[str, Any]:
        """Returns the object to be changed, as it is now. Raises ChaosRefused where there is none."""

    @abstractmethod
    def changes(self, found: Mapping[str, Any], params: BaseModel) -> Mapping[str, Json]:
        """Returns the new values by JSON pointer; the parent of each has to exist. Pure."""

    async def plan(self, context: FaultContext, candidates: Candidates, params: BaseModel, rng: Random) -> Fault:
        """See `FaultType.plan`."""
        found = await self.choose(context, candidates, params, rng)
        changes = [
            {"path": path, "before": value_at(found, path), "after": after}
            for path, after in self.changes(found, params).items()
        ]
        target = Target(found["metadata"]["name"], found["metadata"]["uid"], self.kind)
        return self.planned([target], params, {CHANGES: changes})

    async def inject(self, context: FaultContext, fault: Fault, voters: Voters | None) -> datetime:
        """Sends one JSON patch, which is atomic: it tests the uid and the values of the plan, then sets the fault's."""
        (target,) = fault.targets
        operations = [each for change in fault.undo[CHANGES] for each in _replace(change, change["before"], True)]
        try:
            found = await context.cluster.get_object(context.namespace, target.kind, target.name)
            if any(value_at(found, change["path"]) != change["before"] for change in fault.undo[CHANGES]):
                raise ChaosRefused(f"{target.name} has been changed since the plan was made")
            sent_at = context.now()
            await self._patch(context, InjectPermit(fault, voters), target, operations)
        except (ClusterError, ChaosRefused) as error:
            require_applied(fault, [error])
            raise
        return sent_at

    async def is_reverted(self, context: FaultContext, fault: Fault) -> bool:
        """Returns whether the object is gone, has another uid, or has none of the fault's values."""
        (target,) = fault.targets
        try:
            live = await context.cluster.get_object(context.namespace, target.kind, target.name)
        except ClusterError as error:
            if error.status == 404:
                return True
            raise SubjectError(f"{target.name} cannot be read: {error}") from error
        return live["metadata"]["uid"] != target.uid or not self.is_applied(fault, live)

    async def revert(self, context: FaultContext, fault: Fault) -> None:
        """Puts back the values from before, at the paths that still have the fault's value."""
        (target,) = fault.targets
        permit = RevertPermit(fault, context.selector, lambda target, live: self.is_applied(fault, live))
        try:
            live = await context.cluster.get_object(context.namespace, target.kind, target.name)
            ours = [change for change in fault.undo[CHANGES] if _shows(change, live)]
            operations = [each for change in ours for each in _replace(change, [change["after"]], False)]
            await self._patch(context, permit, target, operations)
        except ClusterError as error:
            if error.status not in (404, 409, 422):  # gone, or changed meanwhile: is_reverted decides
                raise SubjectError(f"{target.name} could not be set back: {error}") from error

    def is_applied(self, fault: Fault, live: Mapping[str, Any]) -> bool:
        """Returns whether the object has a value of the fault. A value that somebody else has set is left alone."""
        return any(_shows(change, live) for change in fault.undo[CHANGES])

    async def _patch(
        self,
        context: FaultContext,
        permit: InjectPermit | RevertPermit,
        target: Target,
        operations: Sequence[Operation],
    ) -> None:
        await context.cluster.patch_object(permit, context.namespace, target.kind, target.name, target.uid, operations)


def _shows(change: Mapping[str, Json], live: Mapping[str, Any]) -> bool:
    after: list[Json] = [change["after"]]
    return bool(change["before"] != after) and value_at(live, change["path"]) == after


def _replace(change: Mapping[str, Json], now: Sequence[Json], forward: bool) -> Iterator[Operation]:
    """Yields the operations that replace a value, after a test that it is `now` there."""
    path = change["path"]
    if now:
        yield {"op": "test", "path": path, "value": now[0]}
    wanted = [change["after"]] if forward else change["before"]
    if wanted:
        yield {"op": "replace" if now else "add", "path": path, "value": wanted[0]}
    elif now:
        yield {"op": "remove", "path": path}
