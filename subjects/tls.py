"""Certificates from a Secret, for whoever speaks TLS to a subject: HTTP takes a context, gRPC the three texts.

What stands in the Secret is in no exception and in no repr: both end up in records and logs.
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
class Credentials:
    """PEM texts, checked: whom to trust, and who we are where the other side wants to know."""

    authority: bytes = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_secret(cls, values: Mapping[str, bytes]) -> Credentials:
        """From the Secret's values. SubjectNotReady names the key that is missing or malformed: it may be mended."""
        if AUTHORITY not in values:
            raise SubjectNotReady(f"the TLS Secret has no {AUTHORITY}")
        if (CERTIFICATE in values) != (KEY in values):
            there, missing = (CERTIFICATE, KEY) if CERTIFICATE in values else (KEY, CERTIFICATE)
            raise SubjectNotReady(f"the TLS Secret has {there} and no {missing}")
        credentials = cls(values[AUTHORITY], values.get(CERTIFICATE), values.get(KEY))
        credentials.ssl_context()
        return credentials

    def ssl_context(self) -> ssl.SSLContext:
        """Trusts this authority alone, expects the other side's name, and shows our certificate if there is one."""
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
    """Python takes these two from a file only: one that nobody else can read, and that is gone afterwards."""
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
