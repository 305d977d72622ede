"""The errors of commands that use the cluster.

CommandFailed        anything; exit status 1
├── NoApiServer        there is no kubeconfig, or it is invalid
├── Unreachable      no answer, or 5xx or 429: whether a change was made is unknown
└── Refused          the API server refused (4xx): nothing was changed
"""

from __future__ import annotations

from controller.usererror import UserError


class CommandFailed(UserError):
    """The command could not do what it was asked."""


class NoApiServer(CommandFailed):
    """There is no API server to connect to."""


class Unreachable(CommandFailed):
    """The API server did not answer."""


class Refused(CommandFailed):
    """The API server refused a request.

    `status` is the HTTP status. `named` is False where the server does not know the kind of the object.
    """

    def __init__(self, status: int, message: str, named: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.named = named

    @property
    def missing(self) -> bool:
        """Whether the object does not exist."""
        return self.status == 404 and self.named
