"""A connection to an API server, as plain values. Secrets are kept out of every `repr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.usererror import UserError


class NoCluster(UserError):
    """There is no kubeconfig, or it cannot be used; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How the server's certificate is verified. `ca` is PEM; None means the system's CAs.

    `server_name` is the name in its certificate, where that is not the host of its URL.
    """

    ca: bytes | None = None
    insecure: bool = False
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints credentials: `users[].user.exec` of a kubeconfig.

    `info` is its input in KUBERNETES_EXEC_INFO, without whether it may ask the person at the terminal.
    """

    command: str
    args: tuple[str, ...]
    api_version: str
    interactive_mode: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    install_hint: str = ""
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """The credentials that are sent. Requests without credentials are anonymous.

    `token_file` wins over `token` for as long as it can be read. A certificate is given as PEM, or as two files that
    are read again when they change. `headers` are those of impersonation.
    """

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    certificate_file: Path | None = None
    key_file: Path | None = None
    plugin: ExecPlugin | None = None
    headers: tuple[tuple[str, str], ...] = ()


ANONYMOUS = Identity()


@dataclass(frozen=True, slots=True)
class Connection:
    """The address of an API server, and how it is reached.

    `server` is a URL without a slash at its end, perhaps with a path. `namespace` is the default one.
    `context` is its name in the kubeconfig. `decided_by` says, for people, where the choice came from.
    `proxy` is a URL. `in_cluster`: it is the pod's own account, so pods' addresses can be reached.
    """

    server: str
    decided_by: str
    namespace: str = "default"
    context: str = ""
    trust: Trust = Trust()
    identity: Identity = field(default=ANONYMOUS, repr=False)
    proxy: str | None = field(default=None, repr=False)
    compression: bool = True
    in_cluster: bool = False
