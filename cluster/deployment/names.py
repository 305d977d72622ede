"""What earlier versions called things, where a newer one leaves them behind."""

from cluster import kubectl

FORMER = ("rolebinding/evalcampaign-controller", "role/evalcampaign-controller")
"""The controller's permissions in a subject's or an agent's namespace, before they had a name that says nothing."""


def remove_former(namespace: str) -> None:
    """Delete them. Left there they would go on granting what the newer ones grant, also when those are taken away."""
    kubectl.remove(f"the former names of permissions in {namespace}", "-n", namespace, *FORMER)
