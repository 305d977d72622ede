"""As whom a kubeconfig's user speaks. Every way is taken over as kubectl would, or refused in one sentence."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from controller.connection.kubeconfig import Cluster, Exec, User
from controller.connection.values import Connection, Identity, NoCluster, Plugin

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
"""Of the protocol that credential plugins speak; v1alpha1 has gone from kubectl."""

PLUGINS_CONFIG = "client.authentication.k8s.io/exec"
"""The extension of a cluster that holds what its credential plugin wants to know."""


MAX_BYTES = 1 << 20
"""Of a token, a key or a bundle of authorities: a device that never ends must not fill the memory."""


def identity_of(user: User, name: str, cluster: Cluster, found: Connection) -> Identity:
    """As whom the user `name` speaks to this server. Raises NoCluster where what is said of him cannot be done."""
    token_file = Path(user.token_file) if user.token_file else None
    basic = bool(user.username or user.password)
    if basic and (user.token or token_file):
        raise NoCluster(f"user {name!r} has a token and a password; only one is allowed")
    if token_file and not user.token:
        read_file(token_file, f"the tokenFile of user {name!r}")
    certificate, key = user.client_certificate_data, user.client_key_data
    if user.client_certificate and certificate:
        raise NoCluster(f"user {name!r} has client-certificate and client-certificate-data; only one is allowed")
    certificate_file = Path(user.client_certificate) if user.client_certificate else None
    key_file = None
    if certificate_file or certificate:
        if user.client_key and key:
            raise NoCluster(f"user {name!r} has client-key and client-key-data; only one is allowed")
        if not user.client_key and not key:
            raise NoCluster(f"user {name!r} has a client certificate, and no client-key to go with it")
        key_file = Path(user.client_key) if user.client_key else None
        for file, what in ((certificate_file, "client-certificate"), (key_file, "client-key")):
            if file is not None:
                read_file(file, f"the {what} of user {name!r}")
    if user.auth_provider is not None:
        raise NoCluster(
            f"user {name!r} logs in by the auth-provider {user.auth_provider.name!r}, which Kubernetes has given up; "
            "use a credential plugin (exec) instead"
        )
    return Identity(
        token=user.token,
        token_file=token_file,
        username=user.username,
        password=user.password,
        certificate=certificate,
        key=key if certificate_file or certificate else b"",
        certificate_file=certificate_file,
        key_file=key_file,
        # Whoever has a token or a password needs no plugin; kubectl asks none then.
        plugin=_plugin(user.exec, name, cluster, found) if user.exec else None,
        headers=impersonation(user, name),
    )


def impersonation(user: User, name: str) -> tuple[tuple[str, str], ...]:
    """The headers that ask the server to take us for somebody else. Raises NoCluster."""
    if not user.act_as:
        if user.act_as_uid or user.act_as_groups or user.act_as_extra:
            raise NoCluster(f"user {name!r} has as-groups, as-uid or as-user-extra, and no `as` to go with them")
        return ()
    headers = [("Impersonate-User", user.act_as)]
    headers += [("Impersonate-Uid", user.act_as_uid)] if user.act_as_uid else []
    headers += [("Impersonate-Group", group) for group in user.act_as_groups]
    headers += [(f"Impersonate-Extra-{key}", each) for key, values in user.act_as_extra.items() for each in values]
    if not all(text.isascii() and text.isprintable() for header in headers for text in header):
        raise NoCluster(f"user {name!r} has an `as` with characters that no HTTP header can hold")
    return tuple(headers)


def _plugin(said: Exec, name: str, cluster: Cluster, found: Connection) -> Plugin:
    if not said.command:
        raise NoCluster(f"the exec of user {name!r} names no command")
    if said.api_version not in VERSIONS:
        raise NoCluster(
            f"the exec of user {name!r} has the apiVersion {said.api_version!r}; kubectl knows {' and '.join(VERSIONS)}"
        )
    mode = said.interactive_mode or ("" if said.api_version == VERSIONS[0] else "IfAvailable")
    if mode not in ("Never", "IfAvailable", "Always"):
        raise NoCluster(
            f"the exec of user {name!r} has the interactiveMode {said.interactive_mode!r}, which must be Never, "
            "IfAvailable or Always"
        )
    variables = {each.name: each.value for each in said.env}
    texts = [said.command, *said.args, *variables, *variables.values()]
    if "" in variables or any("=" in each for each in variables) or any("\0" in each for each in texts):
        raise NoCluster(f"the exec of user {name!r} has a variable or an argument that no process can be given")
    info = {"cluster": _cluster_info(cluster, found)} if said.provide_cluster_info else {}
    hint = " ".join("".join(each if each.isprintable() else " " for each in said.install_hint).split())
    return Plugin(said.command, tuple(said.args), said.api_version, mode, variables, hint, info)


def _cluster_info(cluster: Cluster, found: Connection) -> dict[str, object]:
    told: dict[str, object] = {"server": found.server}
    if cluster.tls_server_name:
        told["tls-server-name"] = cluster.tls_server_name
    if cluster.insecure_skip_tls_verify:
        told["insecure-skip-tls-verify"] = True
    if found.trust.ca:
        told["certificate-authority-data"] = b64encode(found.trust.ca).decode()
    if cluster.proxy_url:
        told["proxy-url"] = cluster.proxy_url
    if cluster.disable_compression:
        told["disable-compression"] = True
    for each in cluster.extensions:
        if each.name == PLUGINS_CONFIG:
            told["config"] = each.extension
    return told


def read_file(file: Path, what: str) -> bytes:
    """What is in it; `what` says what it should be. Raises NoCluster."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NoCluster(f"{what}, {str(file)!r}, cannot be read: {why}") from None
