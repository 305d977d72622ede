"""Creates HTTP clients that use no proxy of the environment, and load certificates only for HTTPS."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx


def client(url: str, limit_seconds: float, authority: Path | None = None) -> httpx.AsyncClient:
    """Returns a client of one server. It trusts only the certificate `authority`, or those of the system."""
    if url.startswith("https://"):
        verify = ssl.create_default_context(cafile=authority)
    else:
        # Without HTTPS no certificate is checked, and loading the system's takes a tenth of a second.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(base_url=url, timeout=limit_seconds, verify=verify, trust_env=False)
