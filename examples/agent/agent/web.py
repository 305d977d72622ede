"""HTTP clients as they are wanted here: no proxy out of the environment, and no certificates loaded in vain."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx


def client(url: str, limit_seconds: float, authority: Path | None = None) -> httpx.AsyncClient:
    """For one server. `authority`: the only certificate to trust; without, all that the system trusts."""
    if url.startswith("https://"):
        verify = ssl.create_default_context(cafile=authority)
    else:
        # One that trusts nobody, for nobody will be asked. Loading the system's certificates takes a tenth of a second.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(base_url=url, timeout=limit_seconds, verify=verify, trust_env=False)
