"""Kubernetes: what the controller asks of the API server, and how (`controller.connection` decides which and as whom).

`KubeApi` sends requests; `KubeCluster` is what subjects are given, with `MemberClient` to ask a member of theirs;
`KubeCampaigns` writes statuses and Events; `KubeDeployments` starts and ends agents; `KubeReviews` asks what they may
read. Answers stay plain JSON: the generated models cost a parse and give nothing that these few calls need
(docs/decisions/031-one-client.md).
"""

from controller.connection import NoCluster
from controller.kube.api import KubeApi
from controller.kube.campaigns import CampaignRef, KubeCampaigns, wait_for_crd
from controller.kube.cluster import KubeCluster
from controller.kube.deployments import KubeDeployments
from controller.kube.reviews import KubeReviews

__all__ = [
    "CampaignRef",
    "KubeApi",
    "KubeCampaigns",
    "KubeCluster",
    "KubeDeployments",
    "KubeReviews",
    "NoCluster",
    "wait_for_crd",
]
