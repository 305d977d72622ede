"""The campaigns of a cluster: create, get, watch, change, delete."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignStatus, Mode, Phase
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.text import qualified_name

ROOT = f"/apis/{GROUP}/{VERSION}"
NO_DEFINITION = f"The cluster has no {PLURAL}.{GROUP}: apply the CRD first (kubectl apply -f crds)"

WATCH_SECONDS = 50
"""The server ends a watch after this time, and a new one begins."""

SILENT_SECONDS = 70.0
"""A connection that is silent for longer than any watch lasts is dead."""


@dataclass(frozen=True, slots=True)
class CampaignSnapshot:
    """The state of a campaign at one instant. `spec` is as the API server has it."""

    namespace: str
    name: str
    uid: str
    trials: int
    mode: Mode
    status: CampaignStatus
    spec: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        """`namespace/name`."""
        return qualified_name(self.namespace, self.name)


def snapshot(raw: Mapping[str, Any]) -> CampaignSnapshot:
    """Returns the state in an API object. A campaign without a status is Pending. Pure."""
    meta, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    return CampaignSnapshot(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        trials=spec.get("trials", 0),
        mode=Mode(spec.get("mode", Mode.BASELINE)),
        status=CampaignStatus.model_validate(status) if status else CampaignStatus(phase=Phase.PENDING),
        spec=spec,
    )


class Campaigns:
    """The campaigns of a cluster. `reference` is a name or namespace/name; `namespace` holds for plain names."""

    def __init__(self, api: Api, namespace: str | None = None) -> None:
        self.api = api
        self.namespace = namespace or api.namespace

    def create(self, name: str, spec: Mapping[str, Any]) -> CampaignSnapshot:
        """Creates a campaign. Raises Refused, with the API server's message, where a field is wrong or unknown."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": dict(spec),
        }
        path = f"{ROOT}/namespaces/{self.namespace}/{PLURAL}"
        with _explain_missing_crd():
            return snapshot(self.api.request("POST", path, query={"fieldValidation": "Strict"}, body=body))

    def get(self, reference: str) -> CampaignSnapshot:
        """Returns one. Raises CommandFailed, with similar names, where there is none."""
        namespace, name = self.resolve(reference)
        try:
            with _explain_missing_crd():
                return snapshot(self.api.get(self._path(reference)))
        except Refused as refused:
            if not refused.missing:
                raise
        known = [each["metadata"]["name"] for each in self._objects(namespace)]
        raise CommandFailed(f"There is no campaign {name} in namespace {namespace}{_similar_names(name, known)}")

    def list(self) -> list[CampaignSnapshot]:
        """Returns all campaigns of the namespace."""
        with _explain_missing_crd():
            return [snapshot(each) for each in self._objects(self.namespace)]

    def delete(self, campaign: CampaignSnapshot) -> None:
        """Deletes the campaign with this uid, and no later one of its name."""
        self.api.request("DELETE", self._path(campaign.title), body={"preconditions": {"uid": campaign.uid}})

    def patch_spec(self, reference: str, **controls: bool) -> CampaignSnapshot:
        """Changes fields of a spec that may be changed: `suspend`, `abort`."""
        with _explain_missing_crd():
            patched = self.api.request(
                "PATCH", self._path(reference), body={"spec": controls}, content_type="application/merge-patch+json"
            )
        return snapshot(patched)

    def annotate(self, campaign: CampaignSnapshot, annotations: Mapping[str, str | None]) -> None:
        """Sets annotations of the campaign with this uid; None removes one."""
        body = {"metadata": {"uid": campaign.uid, "annotations": dict(annotations)}}
        self.api.request("PATCH", self._path(campaign.title), body=body, content_type="application/merge-patch+json")

    def changes(self, reference: str) -> Iterator[CampaignSnapshot | None]:
        """Yields the current state and every change, until the server ends the watch; None for a deletion."""
        namespace, name = self.resolve(reference)
        query = {"fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(WATCH_SECONDS)}
        for event in self.api.watch(f"{ROOT}/namespaces/{namespace}/{PLURAL}", query, SILENT_SECONDS):
            if event["type"] in ("ADDED", "MODIFIED"):
                yield snapshot(event["object"])
            elif event["type"] == "DELETED":
                yield None

    def resolve(self, reference: str) -> tuple[str, str]:
        """Returns namespace and name."""
        namespace, _, name = reference.rpartition("/")
        return namespace or self.namespace, name

    def _objects(self, namespace: str) -> Sequence[Any]:
        found: Sequence[Any] = self.api.get(f"{ROOT}/namespaces/{namespace}/{PLURAL}")["items"]
        return found

    def _path(self, reference: str) -> str:
        namespace, name = self.resolve(reference)
        return f"{ROOT}/namespaces/{namespace}/{PLURAL}/{name}"


class _explain_missing_crd:
    """Raises CommandFailed in place of a 404 for the kind itself, which means that the CRD is missing."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Refused) and error.status == 404 and not error.named:
            raise CommandFailed(NO_DEFINITION) from None


def _similar_names(name: str, known: list[str]) -> str:
    if not known:
        return "; there is none at all"
    close = difflib.get_close_matches(name, known)
    return f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(sorted(known)[:10])}"
