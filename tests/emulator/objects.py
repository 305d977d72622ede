"""Objects as an API server keeps them: stamped, versioned, with a history that watches resume from.

Only what Kopf and the controller rely on, and that strictly: resource versions that rise with every real change and
with no other, `/status` kept apart, preconditions, finalizers, server-side apply with one owner a field.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jsonpatch

from tests.emulator.merging import applied, merged

Json = Any
Key = tuple[str, str | None, str]
"""Plural, namespace (None where there is none), name."""

CLUSTER_WIDE = {"namespaces"}
WITH_STATUS = {"evalcampaigns"}


class Refused(Exception):
    """The API server says no: HTTP status, reason and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Change:
    """An entry of the history."""

    version: int
    key: Key
    type: str
    object: Json


class Objects:
    """All objects of the cluster, and everything that ever happened to them."""

    def __init__(self) -> None:
        self.history: list[Change] = []
        self.changed = asyncio.Event()
        self._objects: dict[Key, Json] = {}
        self._applied: dict[tuple[Key, str], Json] = {}

    @property
    def version(self) -> int:
        """The resource version of the last change."""
        return self.history[-1].version if self.history else 100

    def get(self, key: Key) -> Json:
        """A copy of the object. Refused with 404 where there is none."""
        if key not in self._objects:
            raise Refused(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return copy.deepcopy(self._objects[key])

    def list(self, plural: str, namespace: str | None = None) -> list[Json]:
        """Copies of all objects of one kind, in one namespace or in all."""
        found = (o for (p, n, _), o in self._objects.items() if p == plural and namespace in (None, n))
        return [copy.deepcopy(each) for each in found]

    def create(self, plural: str, namespace: str | None, body: Json) -> Json:
        """Stamp and store. Refused with 409 where the name is taken, with 404 where the namespace is missing."""
        made = copy.deepcopy(body)
        meta = made.setdefault("metadata", {})
        if "name" not in meta:
            meta["name"] = meta.pop("generateName") + uuid4().hex[:5]
        key = (plural, namespace, meta["name"])
        if key in self._objects:
            raise Refused(409, "AlreadyExists", f'{plural} "{meta["name"]}" already exists')
        if plural not in CLUSTER_WIDE:
            self.get(("namespaces", None, str(namespace)))
            meta["namespace"] = namespace
        if plural in WITH_STATUS:
            made.pop("status", None)
        meta |= {"uid": str(uuid4()), "creationTimestamp": _now(), "generation": 1}
        return self._store(key, "ADDED", made)

    def merge(self, key: Key, patch: Json, subresource: str | None = None) -> Json:
        """A JSON merge patch (RFC 7386). Refused with 409 where it names an older version."""
        old = self.get(key)
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, old["metadata"]["resourceVersion"]):
            raise Refused(409, "Conflict", "the object has been modified")
        return self._update(key, old, merged(old, patch), subresource)

    def patch(self, key: Key, operations: Json, subresource: str | None = None) -> Json:
        """A JSON patch (RFC 6902). Refused with 422 where a test fails or a path is missing."""
        old = self.get(key)
        try:
            return self._update(key, old, jsonpatch.apply_patch(old, operations), subresource)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise Refused(422, "Invalid", str(error)) from error

    def apply(self, key: Key, body: Json, manager: str, subresource: str | None = None) -> Json:
        """Server-side apply, forced: the manager's fields become what `body` says, those it no longer names go."""
        old = self.get(key)
        owned = {name: value for name, value in body.items() if name in ("spec", "status")}
        before = self._applied.get((key, manager), {})
        self._applied[key, manager] = copy.deepcopy(owned)
        return self._update(key, old, applied(old, before, owned), subresource)

    def delete(self, key: Key, uid: str | None = None) -> Json:
        """Remove, or only mark where a finalizer is left. Refused with 409 where another uid is meant."""
        old = self.get(key)
        if uid not in (None, old["metadata"]["uid"]):
            raise Refused(409, "Conflict", "the UID in the precondition does not match the UID in record")
        new = copy.deepcopy(old)
        if not old["metadata"].get("finalizers"):
            return self._remove(key, new)
        if "deletionTimestamp" in old["metadata"]:
            return old
        new["metadata"] |= {"deletionTimestamp": _now(), "generation": old["metadata"]["generation"] + 1}
        return self._store(key, "MODIFIED", new)

    def touch(self) -> None:
        """Wake whoever watches."""
        self.changed.set()
        self.changed = asyncio.Event()

    def _update(self, key: Key, old: Json, new: Json, subresource: str | None) -> Json:
        if subresource == "status":
            new = {**old, "status": new.get("status", {})}
        elif key[0] in WITH_STATUS:
            new = {name: value for name, value in new.items() if name != "status"}
            new |= {"status": old["status"]} if "status" in old else {}
        for field in ("uid", "resourceVersion", "creationTimestamp", "generation"):
            new["metadata"][field] = old["metadata"][field]
        for field in ("finalizers", "annotations", "labels"):
            if not new["metadata"].get(field, True):
                del new["metadata"][field]
        if new == old:
            return old
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] += 1
        if "deletionTimestamp" in new["metadata"] and "finalizers" not in new["metadata"]:
            return self._remove(key, new)
        return self._store(key, "MODIFIED", new)

    def _remove(self, key: Key, last: Json) -> Json:
        removed = self._store(key, "DELETED", last)
        del self._objects[key]
        self._applied = {known: fields for known, fields in self._applied.items() if known[0] != key}
        return removed

    def _store(self, key: Key, type_: str, new: Json) -> Json:
        version = self.version + 1
        new["metadata"]["resourceVersion"] = str(version)
        self._objects[key] = new
        self.history.append(Change(version, key, type_, copy.deepcopy(new)))
        self.touch()
        return copy.deepcopy(new)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
