"""Makes a Connection from environment and files, by the rules of kubectl (client-go's `clientcmd` and `rest`).

There is one difference. Where nothing names a server, kubectl tries `http://localhost:8080`. This is refused here: no
API server has listened there without authentication since Kubernetes 1.20, so it would be some other program.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from controller.connection.identity import identity_of, impersonation, read_file
from controller.connection.kubeconfig import (
    ClusterEntry,
    Context,
    Kubeconfig,
    User,
    kubeconfig_files,
    load,
    load_required,
    printable_path,
)
from controller.connection.proxies import InvalidProxy, proxy_from_environment, proxy_url
from controller.connection.tls import tls_context
from controller.connection.values import Connection, Identity, NoCluster, Trust

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""The folder in a pod with the token, the CA certificate and the namespace of its ServiceAccount."""


@dataclass(frozen=True, slots=True)
class PodEnvironment:
    """How a pod reaches its own API server: by the address in its environment, and the files below `account`."""

    host: str
    port: str
    account: Path = ACCOUNT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], account: Path = ACCOUNT) -> PodEnvironment | None:
        """The pod that this process runs in; None outside of a pod, and in one without a ServiceAccount."""
        host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
        return cls(host, port, account) if host and port and (account / "token").is_file() else None


def connection_from(
    environment: Mapping[str, str] = os.environ,
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    account: Path = ACCOUNT,
) -> Connection:
    """Returns the connection that kubectl would use. Raises NoCluster, with one sentence, where there is none.

    `kubeconfig` is the only file to read, as with `kubectl --kubeconfig`; `context` the one to use, as with
    `kubectl --context`. The pod's own ServiceAccount is used only where no kubeconfig names a server.
    """
    files = [kubeconfig] if kubeconfig else kubeconfig_files(environment)
    config = load_required(kubeconfig) if kubeconfig else load(files)
    source = os.pathsep.join(map(printable_path, files))
    name = context or config.current_context
    if name and name not in config.contexts:
        known = ", ".join(sorted(filter(None, config.contexts))[:10])
        raise NoCluster(f"there is no context {name!r} in {source}" + (f"; there are {known}" if known else ""))
    chosen = config.contexts.get(name) or Context()
    cluster = config.clusters.get(chosen.cluster) or ClusterEntry()
    user = config.users.get(chosen.user) or User()
    pod = PodEnvironment.from_environment(environment, account)
    namespace = chosen.namespace or (_namespace_of(pod, environment) if pod else "") or "default"
    # An empty kubeconfig means the pod's own server; one that lacks only the server is an error.
    if pod is not None and cluster == ClusterEntry() and not user.act_as:
        return _validated(_in_pod(pod, environment, namespace))
    server = cluster.server or environment.get("KUBERNETES_MASTER", "")
    if not server:
        raise NoCluster(_explain_no_server(config, name, chosen, source))
    found = Connection(
        server=_url(server),
        decided_by=f"context {name} of {source}" if name else f"{source}, which names no context",
        namespace=namespace,
        context=name,
        trust=_trust(cluster),
        proxy=_proxy(cluster, chosen.cluster),
        compression=not cluster.disable_compression,
    )
    found = _split_off_login(found)
    # No credential is sent over plain HTTP.
    if found.server.startswith("https://"):
        identity = identity_of(user, chosen.user, cluster, found)
        found = replace(found, identity=identity if identity != Identity() else found.identity)
    elif headers := impersonation(user, chosen.user):
        found = replace(found, identity=replace(found.identity, headers=headers))
    if cluster.proxy_url:
        return _validated(found)
    return _validated(replace(found, proxy=_proxy_from_environment(found.server, environment)))


def _explain_no_server(config: Kubeconfig, name: str, context: Context, source: str) -> str:
    if context.cluster and context.cluster not in config.clusters:
        return f"context {name!r} of {source} names the cluster {context.cluster!r}, which no kubeconfig describes"
    if context.cluster:
        return f"the cluster {context.cluster!r} of {source} has no server"
    if config.contexts or config.clusters:
        return f"no context is chosen in {source}: kubectl config use-context NAME"
    return f"no kubeconfig says which ({source} is not there or empty)"


def _in_pod(pod: PodEnvironment, environment: Mapping[str, str], namespace: str) -> Connection:
    authority = pod.account / "ca.crt"
    server = f"https://{f'[{pod.host}]' if ':' in pod.host else pod.host}:{pod.port}"
    return Connection(
        server=server,
        decided_by=f"the pod's ServiceAccount ({pod.account})",
        namespace=namespace,
        context="(in cluster)",
        trust=Trust(ca=read_file(authority, "the authority of the pod's ServiceAccount")),
        identity=Identity(token_file=pod.account / "token"),
        proxy=_proxy_from_environment(server, environment),
        in_cluster=True,
    )


def _namespace_of(pod: PodEnvironment, environment: Mapping[str, str]) -> str:
    if named := environment.get("POD_NAMESPACE", ""):
        return named
    try:
        return (pod.account / "namespace").read_text().strip()
    except (OSError, ValueError):
        return ""


def _url(server: str) -> str:
    """The server's URL. A bare host and port means plain HTTP, as in kubectl."""
    url = _split(server)
    if url is None or not url.scheme or not url.netloc:
        url = _split(f"http://{server}")
        if url is None or url.path not in ("", "/"):
            raise NoCluster(f"the server {server!r} is neither a URL nor a host and a port")
    if url.scheme not in ("http", "https"):
        raise NoCluster(f"the server {server!r} is reached by {url.scheme}, which is neither http nor https")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def _split(text: str) -> SplitResult | None:
    if not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        url = urlsplit(text)
        return url if url.port is None or url.port > 0 else None
    except ValueError:
        return None


def _split_off_login(connection: Connection) -> Connection:
    """Moves a name and a password from the URL to the identity, which the user's own replace."""
    url = urlsplit(connection.server)
    login, at, address = url.netloc.rpartition("@")
    if not url.hostname:
        raise NoCluster("the server's URL names no host")
    if not at:
        return connection
    username, _, password = login.partition(":")
    identity = Identity(username=unquote(username), password=unquote(password))
    return replace(connection, server=f"{url.scheme}://{address}{url.path}", identity=identity)


def _authority(cluster: ClusterEntry) -> bytes | None:
    if cluster.certificate_authority and cluster.certificate_authority_data:
        raise NoCluster("the cluster has certificate-authority and certificate-authority-data; only one is allowed")
    if cluster.certificate_authority:
        return read_file(Path(cluster.certificate_authority), "the certificate-authority")
    return cluster.certificate_authority_data or None


def _trust(cluster: ClusterEntry) -> Trust:
    authority = _authority(cluster)
    if authority and cluster.insecure_skip_tls_verify:
        raise NoCluster("the cluster has a certificate-authority and insecure-skip-tls-verify; only one is allowed")
    return Trust(authority, cluster.insecure_skip_tls_verify, cluster.tls_server_name)


def _proxy(cluster: ClusterEntry, name: str) -> str | None:
    if not cluster.proxy_url:
        return None
    try:
        return proxy_url(cluster.proxy_url)
    except InvalidProxy as invalid:
        raise NoCluster(f"the proxy-url of cluster {name!r} {invalid}") from None


def _proxy_from_environment(server: str, environment: Mapping[str, str]) -> str | None:
    try:
        return proxy_from_environment(server, environment)
    except InvalidProxy as invalid:
        raise NoCluster(f"the proxy that the environment names {invalid}") from None


def _validated(connection: Connection) -> Connection:
    """Returns the connection. Raises NoCluster now, not at the first request, where it cannot be used."""
    identity = connection.identity
    for text in (identity.token, identity.username, identity.password):
        if not text.isprintable():
            raise NoCluster("the token, the name or the password holds a character that no HTTP header can hold")
    if identity.token and not identity.token.isascii():
        raise NoCluster("the token holds a character that no HTTP header can hold")
    if connection.server.startswith("https://"):
        tls_context(connection.trust, *_certificate(identity))
    return connection


def _certificate(identity: Identity) -> tuple[bytes, bytes]:
    certificate = identity.certificate_file.read_bytes() if identity.certificate_file else identity.certificate
    return certificate, identity.key_file.read_bytes() if identity.key_file else identity.key
