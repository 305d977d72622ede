"""From environment and files to a Connection, by the rules of kubectl (client-go's `clientcmd` and `rest`).

One thing is refused that kubectl does: where nothing names a server, kubectl tries `http://localhost:8080`, where no
API server has listened without a password since Kubernetes 1.20, and whatever else does must not be taken for one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from controller.connection.identity import identity_of, impersonation, read_file
from controller.connection.kubeconfig import Cluster, Context, Kubeconfig, User, files_of, load, load_named, shown
from controller.connection.proxies import InvalidProxy, proxy_from_environment, proxy_url
from controller.connection.tls import tls_context
from controller.connection.values import Connection, Identity, NoCluster, Trust

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds the token, the authority and the namespace of its ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Pod:
    """Where a pod finds its own API server: the environment's address, and files below `account`."""

    host: str
    port: str
    account: Path = ACCOUNT

    @classmethod
    def around(cls, environment: Mapping[str, str], account: Path = ACCOUNT) -> Pod | None:
        """The pod we are in; None outside of one, and in one that was given no ServiceAccount."""
        host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
        return cls(host, port, account) if host and port and (account / "token").is_file() else None


def connection_from(
    environment: Mapping[str, str] = os.environ,
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    account: Path = ACCOUNT,
) -> Connection:
    """The connection that kubectl would use. Raises NoCluster, with one sentence, where there is none.

    `kubeconfig` is the one file to read, as with `kubectl --kubeconfig`; `context` the one to take, as with
    `kubectl --context`. The pod's own ServiceAccount is used only where no kubeconfig names a server.
    """
    files = [kubeconfig] if kubeconfig else files_of(environment)
    config = load_named(kubeconfig) if kubeconfig else load(files)
    source = os.pathsep.join(map(shown, files))
    name = context or config.current_context
    if name and name not in config.contexts:
        known = ", ".join(sorted(filter(None, config.contexts))[:10])
        raise NoCluster(f"there is no context {name!r} in {source}" + (f"; there are {known}" if known else ""))
    chosen = config.contexts.get(name) or Context()
    cluster = config.clusters.get(chosen.cluster) or Cluster()
    user = config.users.get(chosen.user) or User()
    pod = Pod.around(environment, account)
    namespace = chosen.namespace or (_namespace_of(pod, environment) if pod else "") or "default"
    # To say nothing is to leave it to the pod; to say something that is no server is not.
    if pod is not None and cluster == Cluster() and not user.act_as:
        return _checked(_inside(pod, environment, namespace))
    server = cluster.server or environment.get("KUBERNETES_MASTER", "")
    if not server:
        raise NoCluster(_nowhere(config, name, chosen, source))
    found = Connection(
        server=_url(server),
        decided_by=f"context {name} of {source}" if name else f"{source}, which names no context",
        namespace=namespace,
        context=name,
        trust=_trust(cluster),
        proxy=_proxy(cluster, chosen.cluster),
        compression=not cluster.disable_compression,
    )
    found = _without_login(found)
    # Over plain HTTP nobody is shown a credential.
    if found.server.startswith("https://"):
        identity = identity_of(user, chosen.user, cluster, found)
        found = replace(found, identity=identity if identity != Identity() else found.identity)
    elif headers := impersonation(user, chosen.user):
        found = replace(found, identity=replace(found.identity, headers=headers))
    if cluster.proxy_url:
        return _checked(found)
    return _checked(replace(found, proxy=_environments_proxy(found.server, environment)))


def _nowhere(config: Kubeconfig, name: str, context: Context, source: str) -> str:
    if context.cluster and context.cluster not in config.clusters:
        return f"context {name!r} of {source} names the cluster {context.cluster!r}, which no kubeconfig describes"
    if context.cluster:
        return f"the cluster {context.cluster!r} of {source} has no server"
    if config.contexts or config.clusters:
        return f"no context is chosen in {source}: kubectl config use-context NAME"
    return f"no kubeconfig says which ({source} is not there or empty)"


def _inside(pod: Pod, environment: Mapping[str, str], namespace: str) -> Connection:
    authority = pod.account / "ca.crt"
    server = f"https://{f'[{pod.host}]' if ':' in pod.host else pod.host}:{pod.port}"
    return Connection(
        server=server,
        decided_by=f"the pod's ServiceAccount ({pod.account})",
        namespace=namespace,
        context="(in cluster)",
        trust=Trust(ca=read_file(authority, "the authority of the pod's ServiceAccount")),
        identity=Identity(token_file=pod.account / "token"),
        proxy=_environments_proxy(server, environment),
        in_cluster=True,
    )


def _namespace_of(pod: Pod, environment: Mapping[str, str]) -> str:
    if named := environment.get("POD_NAMESPACE", ""):
        return named
    try:
        return (pod.account / "namespace").read_text().strip()
    except (OSError, ValueError):
        return ""


def _url(server: str) -> str:
    """The server's URL. A bare host and port is reached by plain HTTP, whatever else the cluster says."""
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


def _without_login(found: Connection) -> Connection:
    """A name and a password in the URL are the server's, unless the user has others."""
    url = urlsplit(found.server)
    login, at, place = url.netloc.rpartition("@")
    if not url.hostname:
        raise NoCluster("the server's URL names no host")
    if not at:
        return found
    username, _, password = login.partition(":")
    identity = Identity(username=unquote(username), password=unquote(password))
    return replace(found, server=f"{url.scheme}://{place}{url.path}", identity=identity)


def _authority(cluster: Cluster) -> bytes | None:
    if cluster.certificate_authority and cluster.certificate_authority_data:
        raise NoCluster("the cluster has certificate-authority and certificate-authority-data; only one is allowed")
    if cluster.certificate_authority:
        return read_file(Path(cluster.certificate_authority), "the certificate-authority")
    return cluster.certificate_authority_data or None


def _trust(cluster: Cluster) -> Trust:
    authority = _authority(cluster)
    if authority and cluster.insecure_skip_tls_verify:
        raise NoCluster("the cluster has a certificate-authority and insecure-skip-tls-verify; only one is allowed")
    return Trust(authority, cluster.insecure_skip_tls_verify, cluster.tls_server_name)


def _proxy(cluster: Cluster, name: str) -> str | None:
    if not cluster.proxy_url:
        return None
    try:
        return proxy_url(cluster.proxy_url)
    except InvalidProxy as invalid:
        raise NoCluster(f"the proxy-url of cluster {name!r} {invalid}") from None


def _environments_proxy(server: str, environment: Mapping[str, str]) -> str | None:
    try:
        return proxy_from_environment(server, environment)
    except InvalidProxy as invalid:
        raise NoCluster(f"the proxy that the environment names {invalid}") from None


def _checked(found: Connection) -> Connection:
    """With what cannot be used refused now, and not at the first request."""
    identity = found.identity
    for text in (identity.token, identity.username, identity.password):
        if not text.isprintable():
            raise NoCluster("the token, the name or the password holds a character that no HTTP header can hold")
    if identity.token and not identity.token.isascii():
        raise NoCluster("the token holds a character that no HTTP header can hold")
    if found.server.startswith("https://"):
        tls_context(found.trust, *_certificate(identity))
    return found


def _certificate(identity: Identity) -> tuple[bytes, bytes]:
    certificate = identity.certificate_file.read_bytes() if identity.certificate_file else identity.certificate
    return certificate, identity.key_file.read_bytes() if identity.key_file else identity.key
