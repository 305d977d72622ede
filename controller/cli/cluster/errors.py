"""What a command on the cluster cannot do.

CommandFailed        anything; exit status 1
├── NoCluster        there is no kubeconfig, or it makes no sense
├── Unreachable      no answer, or one that says "later" (5xx, 429): nobody knows whether a change was made
└── Refused          the API server said no (4xx): nothing was done
"""

from __future__ import annotations

from controller.usererror import UserError


class CommandFailed(UserError):
    """The command could not do what it was asked."""


class NoCluster(CommandFailed):
    """No API server to ask."""


class Unreachable(CommandFailed):
    """The API server did not answer."""


class Refused(CommandFailed):
    """The API server's no. `status` is the HTTP status; `named` says whether it knew the kind of what was asked for."""

    def __init__(self, status: int, message: str, named: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.named = named

    @property
    def missing(self) -> bool:
        """Whether there is no such object."""
        return self.status == 404 and self.named
