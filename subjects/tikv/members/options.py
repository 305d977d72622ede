"""The options that a campaign gives for its TiKV, validated. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from subjects.protocol import SubjectOptions, Unsupported
from subjects.tikv.members.queries import PD, ROLES, TIKV

SELECTORS: Mapping[str, str] = {
    PD: "app.kubernetes.io/component=pd",
    TIKV: "app.kubernetes.io/component=tikv",
}
"""The labels of our manifests, which are those of TiDB Operator."""

PROBES = ("none", "write")
RESETS = ("heal", "recreate")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address at which a member of PD listens for clients, by name."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Options:
    """Validated options. `selectors` are by role; `endpoints` by pod name, which is the first label of the host."""

    writes: bool
    selectors: Mapping[str, str]
    endpoints: Mapping[str, Endpoint]
    tls_secret: str | None
    recreate: bool

    @property
    def only_inside(self) -> str | None:
        """The field, if any, that needs more than HTTP through the API server: names, gRPC, certificates."""
        if self.tls_secret is not None:
            return "spec.subject.tlsSecret"
        return "spec.subject.probe: write" if self.writes else None


def check(given: SubjectOptions) -> Options:
    """Validates the options. Raises Unsupported, with a message, where one makes no sense."""
    if given.probe not in PROBES:
        raise Unsupported(f"subject.probe {given.probe!r} is unknown; valid: {', '.join(PROBES)}")
    if given.reset not in RESETS:
        raise Unsupported(f"reset {given.reset!r} is unknown; valid: {', '.join(RESETS)}")
    if unknown_roles := sorted(set(given.selectors) - set(ROLES)):
        raise Unsupported(f"subject.selectors: tikv has no {', '.join(unknown_roles)}; it takes: {', '.join(ROLES)}")
    scheme = "http" if given.tls_secret is None else "https"
    return Options(
        writes=given.probe == "write",
        selectors={**SELECTORS, **given.selectors},
        endpoints=dict(_endpoint(url, scheme) for url in given.endpoints),
        tls_secret=given.tls_secret,
        recreate=given.reset == "recreate",
    )


def _endpoint(url: str, scheme: str) -> tuple[str, Endpoint]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Unsupported(f"subject.endpoints: {url!r} is no URL: {error}") from None
    if host is None or port is None:
        raise Unsupported(f"subject.endpoints: {url!r} must name a host and a port, as http://pd-0.pd:2379 does")
    if parts.scheme != scheme:
        why = "there is no subject.tlsSecret" if scheme == "http" else "there is a subject.tlsSecret"
        raise Unsupported(f"subject.endpoints: {url!r} must begin with {scheme}://, as {why}")
    return host.partition(".")[0], Endpoint(host, port)
