"""Which campaigns run on a subject at this moment: under those, nothing is replaced."""

import json
from typing import Any

from cluster import kubectl
from controller.text import qualified_name


def campaigns_on(namespace: str) -> list[str]:
    """The campaigns that run on the subject in this namespace, as `namespace/name`; none without the definition."""
    answer = kubectl.attempt("get", "evalcampaigns", "--all-namespaces", "-o", "json")
    return running(json.loads(answer.stdout), namespace) if answer.returncode == 0 else []


def running(campaigns: dict[str, Any], subject_namespace: str) -> list[str]:
    """Those of a list that run on the subject in this namespace. Pure."""
    return [
        qualified_name(campaign["metadata"]["namespace"], campaign["metadata"]["name"])
        for campaign in campaigns["items"]
        if campaign["spec"]["subject"]["namespace"] == subject_namespace
        and campaign.get("status", {}).get("phase") == "Running"
    ]
