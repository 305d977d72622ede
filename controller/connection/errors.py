"""Why there is no cluster to speak to."""

from __future__ import annotations

from controller.usererror import UserError


class NoCluster(UserError):
    """There is no kubeconfig, or it says something that cannot be done; the text, one sentence, says which."""
