"""The identity of a kubeconfig's user. Every kind of credential is used as kubectl does, or refused in one sentence."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from controller.connection.kubeconfig import ClusterEntry, Exec, User
from controller.connection.values import Connection, ExecPlugin, Identity, NoCluster

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
"""The versions of the credential plugins' protocol; kubectl has removed v1alpha1."""

PLUGINS_CONFIG = "client.authentication.k8s.io/exec"
"""The extension of a cluster that holds the configuration of its credential plugin."""


MAX_BYTES = 1 << 20
"""The limit of a token, a key or a CA bundle, so that a device without an end cannot fill the memory."""


def identity_of(user: User, name: str, cluster: ClusterEntry, connection: Connection) -> Identity:
    """Returns the identity of the user `name` for this server. Raises NoCluster where its entry is invalid."""
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
        # Not used where there is a token or a password, as in kubectl.
        plugin=_exec_plugin(user.exec, name, cluster, connection) if user.exec else None,
        headers=impersonation(user, name),
    )


def impersonation(user: User, name: str) -> tuple[tuple[str, str], ...]:
    """Returns the impersonation headers. Raises NoCluster where they are invalid."""
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


def _exec_plugin(config: Exec, name: str, cluster: ClusterEntry, connection: Connection) -> ExecPlugin:
    if not config.command:
        raise NoCluster(f"the exec of user {name!r} names no command")
    if config.api_version not in VERSIONS:
        raise NoCluster(
            f"the exec of user {name!r} has the apiVersion {config.api_version!r}; "
            f"kubectl knows {' and '.join(VERSIONS)}"
        )
    mode = config.interactive_mode or ("" if config.api_version == VERSIONS[0] else "IfAvailable")
    if mode not in ("Never", "IfAvailable", "Always"):
        raise NoCluster(
            f"the exec of user {name!r} has the interactiveMode {config.interactive_mode!r}, which must be Never, "
            "IfAvailable or Always"
        )
    variables = {each.name: each.value for each in config.env}
    texts = [config.command, *config.args, *variables, *variables.values()]
    if "" in variables or any("=" in each for each in variables) or any("\0" in each for each in texts):
        raise NoCluster(f"the exec of user {name!r} has a variable or an argument that no process can be given")
    info = {"cluster": _cluster_info(cluster, connection)} if config.provide_cluster_info else {}
    hint = " ".join("".join(each if each.isprintable() else " " for each in config.install_hint).split())
    return ExecPlugin(config.command, tuple(config.args), config.api_version, mode, variables, hint, info)


def _cluster_info(cluster: ClusterEntry, connection: Connection) -> dict[str, object]:
    info: dict[str, object] = {"server": connection.server}
    if cluster.tls_server_name:
        info["tls-server-name"] = cluster.tls_server_name
    if cluster.insecure_skip_tls_verify:
        info["insecure-skip-tls-verify"] = True
    if connection.trust.ca:
        info["certificate-authority-data"] = b64encode(connection.trust.ca).decode()
    if cluster.proxy_url:
        info["proxy-url"] = cluster.proxy_url
    if cluster.disable_compression:
        info["disable-compression"] = True
    for each in cluster.extensions:
        if each.name == PLUGINS_CONFIG:
            info["config"] = each.extension
    return info


def read_file(file: Path, what: str) -> bytes:
    """Returns the content of a file; `what` names it in the error. Raises NoCluster."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NoCluster(f"{what}, {str(file)!r}, cannot be read: {why}") from None
