"""Makes TLS contexts. Private keys are not written to the disk."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from controller.connection.values import NoCluster, Trust


def tls_context(trust: Trust, certificate: bytes = b"", key: bytes = b"") -> ssl.SSLContext:
    """Returns a context for a connection; `certificate` and `key` are PEM, or empty. Raises NoCluster where invalid."""
    try:
        context = ssl.create_default_context(cadata=trust.ca.decode("ascii") if trust.ca else None)
    except (ssl.SSLError, ValueError):  # ValueError covers what is no ASCII
        raise NoCluster("the certificate-authority holds no certificate") from None
    if trust.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Many clusters' CA certificates lack what RFC 5280 requires; Go, and so kubectl, accepts them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate:
        try:
            with _file(certificate + b"\n" + key) as name:
                context.load_cert_chain(name, password=_no_password)
        except (ssl.SSLError, ValueError, OSError):
            raise NoCluster("the client certificate and its key are not a pair that can be used") from None
    return context


def _no_password() -> str:
    """Raises ValueError; without this callback OpenSSL would ask for a password at the terminal."""
    raise ValueError


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """Yields the name of a file with this content: OpenSSL loads certificates from files only."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("certificate"), "wb") as memory:
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
