"""Campaigns as kubectl sees them: made, looked at, watched, steered."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignStatus, Mode, Phase
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.text import qualified_name

ROOT = f"/apis/{GROUP}/{VERSION}"
NO_DEFINITION = f"The cluster has no {PLURAL}.{GROUP}: apply the CRD first (kubectl apply -f crds)"

WATCH_SECONDS = 50
"""After so long the server ends a watch, and a new one begins."""

SILENT_SECONDS = 70.0
"""A connection that is silent for longer than any watch lasts has died without a word."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign at one instant."""

    namespace: str
    name: str
    uid: str
    trials: int
    mode: Mode
    status: CampaignStatus

    @property
    def title(self) -> str:
        """`namespace/name`."""
        return qualified_name(self.namespace, self.name)


def seen(raw: Mapping[str, Any]) -> Seen:
    """From the API's object; one that the controller has not looked at yet is Pending. Pure."""
    meta, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    return Seen(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        trials=spec.get("trials", 0),
        mode=Mode(spec.get("mode", Mode.BASELINE)),
        status=CampaignStatus.model_validate(status) if status else CampaignStatus(phase=Phase.PENDING),
    )


class Campaigns:
    """The campaigns of a cluster. `asked` is a name or namespace/name; `namespace` holds for plain names."""

    def __init__(self, api: Api, namespace: str | None = None) -> None:
        self.api = api
        self.namespace = namespace or api.namespace

    def create(self, name: str, spec: Mapping[str, Any]) -> Seen:
        """Make one, with every field checked: Refused, with the API server's own words, where one is wrong."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": dict(spec),
        }
        path = f"{ROOT}/namespaces/{self.namespace}/{PLURAL}"
        with _explained():
            return seen(self.api.request("POST", path, query={"fieldValidation": "Strict"}, body=body))

    def get(self, asked: str) -> Seen:
        """One. CommandFailed, with names that are alike, where there is none."""
        namespace, name = self.place(asked)
        try:
            with _explained():
                return seen(self.api.get(self._path(asked)))
        except Refused as refused:
            if not refused.missing:
                raise
        known = [each["metadata"]["name"] for each in self._list(namespace)]
        raise CommandFailed(f"There is no campaign {name} in namespace {namespace}{_alike(name, known)}")

    def delete(self, campaign: Seen) -> None:
        """Delete this very one, not another that has its name by now."""
        self.api.request("DELETE", self._path(campaign.title), body={"preconditions": {"uid": campaign.uid}})

    def steer(self, asked: str, **controls: bool) -> Seen:
        """Change what may be changed: suspend, abort."""
        with _explained():
            patched = self.api.request(
                "PATCH", self._path(asked), body={"spec": controls}, content_type="application/merge-patch+json"
            )
        return seen(patched)

    def annotate(self, campaign: Seen, annotations: Mapping[str, str | None]) -> None:
        """Set annotations of this very campaign; None takes one away."""
        body = {"metadata": {"uid": campaign.uid, "annotations": dict(annotations)}}
        self.api.request("PATCH", self._path(campaign.title), body=body, content_type="application/merge-patch+json")

    def changes(self, asked: str) -> Iterator[Seen | None]:
        """What it is, and every change, until the server ends the watch; None once it is deleted."""
        namespace, name = self.place(asked)
        query = {"fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(WATCH_SECONDS)}
        for event in self.api.watch(f"{ROOT}/namespaces/{namespace}/{PLURAL}", query, SILENT_SECONDS):
            if event["type"] in ("ADDED", "MODIFIED"):
                yield seen(event["object"])
            elif event["type"] == "DELETED":
                yield None

    def place(self, asked: str) -> tuple[str, str]:
        """Namespace and name."""
        namespace, _, name = asked.rpartition("/")
        return namespace or self.namespace, name

    def _list(self, namespace: str) -> list[Any]:
        return list(self.api.get(f"{ROOT}/namespaces/{namespace}/{PLURAL}")["items"])

    def _path(self, asked: str) -> str:
        namespace, name = self.place(asked)
        return f"{ROOT}/namespaces/{namespace}/{PLURAL}/{name}"


class _explained:
    """Says what a 404 means that is about no object: the kind itself is unknown."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Refused) and error.status == 404 and not error.named:
            raise CommandFailed(NO_DEFINITION) from None


def _alike(name: str, known: list[str]) -> str:
    if not known:
        return "; there is none at all"
    close = difflib.get_close_matches(name, known)
    return f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(sorted(known)[:10])}"
