"""Campaigns that were stored before a field existed go on: one of spec has its default, one of status is added."""

from __future__ import annotations

import copy
import json
from typing import Any

from cluster.apiserver.kubectl import Kubectl
from controller.api import CampaignSpec
from tests.apiserver.campaigns import campaign
from tests.support.waiting import eventually
from tests.unit.crd.flat import load_crd, schema_of

# Under names of its own: the CRD that the other tests share must not be turned back under their feet.
GROUP, KIND, RESOURCE = "upgrade.evalcampaign.dev", "OldCampaign", "oldcampaigns.upgrade.evalcampaign.dev"

ADDED_TO_SPEC = ("reset",)
ADDED_TO_SUBJECT = ("probe", "selectors", "endpoints", "tlsSecret")
ADDED_TO_AGENT = ("sourceOptions",)
ADDED_TO_SUMMARY = ("recovered",)


def todays_crd() -> dict[str, Any]:
    """The CRD as it is, under this test's names."""
    crd = copy.deepcopy(load_crd())
    crd["metadata"]["name"] = RESOURCE
    crd["spec"]["group"] = GROUP
    crd["spec"]["names"] = {"kind": KIND, "plural": "oldcampaigns", "singular": "oldcampaign"}
    return crd


def old_crd() -> dict[str, Any]:
    """The CRD as it was before those fields were added."""
    crd = todays_crd()
    spec = schema_of(crd)["properties"]["spec"]
    for name in ADDED_TO_SPEC:
        del spec["properties"][name]
    for name in ADDED_TO_SUBJECT:
        del spec["properties"]["subject"]["properties"][name]
    for name in ADDED_TO_AGENT:
        del spec["properties"]["agent"]["properties"][name]
    for name in ADDED_TO_SUMMARY:
        del schema_of(crd)["properties"]["status"]["properties"]["summary"]["properties"][name]
    # Today's rules speak of fields that were not there; this was the one there was.
    spec["x-kubernetes-validations"] = [{"rule": "self == oldSelf", "message": "spec is immutable"}]
    return crd


async def test_a_campaign_stored_before_the_fields_existed_is_read_written_and_protected_like_any(
    kubectl: Kubectl, namespace: str
) -> None:
    asked = campaign(namespace) | {"apiVersion": f"{GROUP}/v1alpha1", "kind": KIND}
    counts = {"planned": 1, "done": 1, "progress": "1/1", "scored": 1}
    change = ("patch", RESOURCE, "asked", "-n", namespace, "--type=merge", "-p")

    def stored() -> dict[str, Any]:
        return kubectl.json("get", RESOURCE, "asked", "-n", namespace)

    kubectl.apply(old_crd())
    try:
        kubectl("wait", "--for=condition=Established", f"crd/{RESOURCE}", "--timeout=120s")
        kubectl.apply(asked)
        with_counts = {"status": {"phase": "Running", "summary": {**counts, "recovered": 1}}}
        kubectl(*change, json.dumps(with_counts), "--subresource=status")
        assert stored()["status"] == {"phase": "Running", "summary": counts}, "an unknown field is not stored"
        assert not {*ADDED_TO_AGENT} & stored()["spec"]["agent"].keys()
        assert (
            not {*ADDED_TO_SPEC} & stored()["spec"].keys()
            and not {*ADDED_TO_SUBJECT} & stored()["spec"]["subject"].keys()
        )
        kubectl.apply(todays_crd())
        await eventually(lambda: "reset" in stored()["spec"], "the API server does not serve the new CRD")

        as_asked_today = CampaignSpec.model_validate(asked["spec"]).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        assert stored()["spec"] == as_asked_today
        assert "unchanged" in kubectl.apply(asked)
        assert stored()["status"] == {"phase": "Running", "summary": counts}
        kubectl(*change, json.dumps(with_counts), "--subresource=status")
        kubectl(*change, json.dumps({"metadata": {"finalizers": ["evalcampaign.dev/finalizer"]}}))
        kubectl(*change, json.dumps({"metadata": {"finalizers": []}}))
        assert (stored()["status"], stored()["metadata"]["generation"]) == (with_counts["status"], 1)
        complaint = kubectl.refused(*change, json.dumps({"spec": {"reset": "recreate"}}))
        assert "spec is immutable (changed here: reset)" in complaint
    finally:
        kubectl("delete", "crd", RESOURCE)
