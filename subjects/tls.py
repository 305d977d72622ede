"""Certificates for members that want TLS, out of a Secret."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from subjects.protocol import SubjectNotReady


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM: the authority to trust, our certificate and its key."""

    ca: bytes = field(repr=False)
    cert: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_secret(cls, values: Mapping[str, bytes]) -> Credentials:
        """From `ca.crt`, `tls.crt` and `tls.key`."""
        if "ca.crt" not in values:
            raise SubjectNotReady("the Secret has no ca.crt")
        return cls(values["ca.crt"], values.get("tls.crt"), values.get("tls.key"))

    def ssl_context(self) -> ssl.SSLContext:
        """For HTTPS."""
        return ssl.create_default_context(cadata=self.ca.decode())
