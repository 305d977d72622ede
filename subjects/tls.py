"""Reads certificates from a Secret, for TLS to a subject: HTTP uses a context, gRPC the three texts.

No exception and no repr quotes the Secret, because both end up in records and logs.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from subjects.protocol import SubjectNotReady

AUTHORITY, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"
"""The keys in the Secret, as cert-manager and `kubectl create secret tls` name them."""


@dataclass(frozen=True, slots=True)
class TlsCredentials:
    """Valid PEM texts: the CA to trust, and a client certificate where the server asks for one."""

    authority: bytes = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_secret(cls, values: Mapping[str, bytes]) -> TlsCredentials:
        """Reads the Secret's values. Raises SubjectNotReady, naming a missing or malformed key: it may be corrected."""
        if AUTHORITY not in values:
            raise SubjectNotReady(f"the TLS Secret has no {AUTHORITY}")
        if (CERTIFICATE in values) != (KEY in values):
            present, missing = (CERTIFICATE, KEY) if CERTIFICATE in values else (KEY, CERTIFICATE)
            raise SubjectNotReady(f"the TLS Secret has {present} and no {missing}")
        credentials = cls(values[AUTHORITY], values.get(CERTIFICATE), values.get(KEY))
        credentials.ssl_context()
        return credentials

    def ssl_context(self) -> ssl.SSLContext:
        """Returns a context that trusts only this CA, checks the server's name, and has our certificate, if any."""
        context = _trust_only(self.authority, AUTHORITY)
        if self.certificate is not None and self.key is not None:
            _trust_only(self.certificate, CERTIFICATE)  # only to tell a bad certificate from a bad key
            _load_certificate(context, self.certificate, self.key)
        return context


def _trust_only(certificates: bytes, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Bundles have comments in any script; Python takes ASCII alone.
        context.load_verify_locations(cadata=certificates.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError):
        raise SubjectNotReady(f"{name} in the TLS Secret is no certificate in PEM form") from None
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Loads them from a private temporary file, because Python loads them from files only."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.touch(mode=0o600)
        file.write_bytes(certificate + b"\n" + key)
        try:
            context.load_cert_chain(file, password="")  # without one it would ask the terminal for an encrypted key's
        except ssl.SSLError as error:
            other = error.reason == "KEY_VALUES_MISMATCH"
            wrong = f"belongs to another {CERTIFICATE}" if other else "is malformed or encrypted"
            raise SubjectNotReady(f"{KEY} in the TLS Secret {wrong}") from None
