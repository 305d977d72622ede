"""A connection's credential, kept fresh: replaced before it expires, and when the server does not take it.

Blocking, and for any thread: a plugin runs once for all who wait for it. The async client asks in a thread. A
credential plugin is a command that prints a token or a certificate (the client authentication API of Kubernetes).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from controller.connection.values import Identity, Plugin

REREAD_SECONDS = 60.0
"""How old what was read from a file may be, as in client-go. The kubelet replaces a token long before it expires."""

REFRESH_AHEAD_SECONDS = 60.0
"""How long before its end a plugin's credential is replaced; of a shorter life, a quarter at most."""

PLUGIN_SECONDS = 60.0
"""For a plugin that may ask nobody. One that may waits for a person."""

MAX_PLUGIN_BYTES = 1 << 20


class PluginFailed(Exception):
    """It gave no credential; the text, which holds nothing of its output, says why."""


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """What a plugin gave. `expires_at` is in UTC; None: it does not say."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: datetime | None = None


def run_plugin(plugin: Plugin, environment: Mapping[str, str] = os.environ) -> PluginCredential:
    """Run it to its end. Raises PluginFailed."""
    interactive = plugin.interactive_mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not interactive:
        raise PluginFailed(f"{_name(plugin)} wants to ask somebody, and standard input is no terminal")
    exec_info = {
        "kind": "ExecCredential",
        "apiVersion": plugin.api_version,
        "spec": {**plugin.info, "interactive": interactive},
    }
    try:
        done = subprocess.run(
            [plugin.command, *plugin.args],
            env={**environment, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(exec_info)},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            timeout=None if interactive else PLUGIN_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        hint = f" ({plugin.install_hint})" if plugin.install_hint else ""
        raise PluginFailed(f"the command {plugin.command!r} was not found{hint}") from None
    except subprocess.TimeoutExpired:
        raise PluginFailed(f"{_name(plugin)} did not end within {PLUGIN_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise PluginFailed(f"{_name(plugin)} could not be run: {why}") from None
    if done.returncode:
        message = _last_line(done.stderr or b"")
        raise PluginFailed(f"{_name(plugin)} ended with status {done.returncode}" + (f": {message}" if message else ""))
    return parse_credential(plugin, done.stdout)


def parse_credential(plugin: Plugin, output: bytes) -> PluginCredential:
    """What it printed. Raises PluginFailed. Pure."""
    try:
        if len(output) > MAX_PLUGIN_BYTES:
            raise ValueError
        printed: Any = json.loads(output)
    except (ValueError, RecursionError):
        raise PluginFailed(f"{_name(plugin)} printed no JSON") from None
    if not isinstance(printed, dict) or printed.get("kind") != "ExecCredential":
        raise PluginFailed(f"{_name(plugin)} printed no ExecCredential")
    if printed.get("apiVersion") != plugin.api_version:
        raise PluginFailed(f"{_name(plugin)} printed another version than {plugin.api_version}")
    status = printed.get("status")
    if not isinstance(status, dict):
        raise PluginFailed(f"{_name(plugin)} printed an ExecCredential without a status")
    token, certificate, key, until = (
        status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    )
    if not all(isinstance(each, str) for each in (token, certificate, key, until)):
        raise PluginFailed(f"{_name(plugin)} printed an ExecCredential with values that are no text")
    if not token.isascii() or not token.isprintable():
        raise PluginFailed(f"{_name(plugin)} printed a token that no HTTP header can hold")
    if bool(certificate) != bool(key):
        raise PluginFailed(f"{_name(plugin)} printed a certificate or a key, not both")
    if not token and not certificate:
        raise PluginFailed(f"{_name(plugin)} printed neither a token nor a certificate")
    return PluginCredential(token, certificate.encode(), key.encode(), _parse_time(plugin, until))


def _parse_time(plugin: Plugin, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PluginFailed(f"{_name(plugin)} printed an expirationTimestamp that is no time") from None


def _name(plugin: Plugin) -> str:
    return f"the credential plugin {os.path.basename(plugin.command)!r}"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return "".join(each if each.isprintable() else " " for each in lines[-1])[:300] if lines else ""


class NoCredential(Exception):
    """Nobody gives us one now; the text says why."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request carries: an `Authorization` header, a certificate (PEM, with its key), both or neither."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)


class Credentials:
    """The credential of one identity at any time. `now` is in seconds since 1970."""

    def __init__(
        self,
        identity: Identity,
        run: Callable[[Plugin], PluginCredential] = run_plugin,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._identity = identity
        self._run = run
        self._now = now
        self._lock = threading.Lock()
        self._cached: Credential | None = None
        self._refresh_at = float("inf")
        self._expires_at = float("inf")

    @property
    def cached(self) -> Credential | None:
        """What we have, where it still serves; None where `current` would have to wait for something."""
        return self._cached if self._now() < self._expires_at else None

    @property
    def stale(self) -> bool:
        """Whether it is time to ask for another."""
        return self._cached is None or self._now() >= self._refresh_at

    @property
    def certificate_ends_at(self) -> float | None:
        """When the certificate that we hold should be replaced; None where it lasts, or we hold none."""
        held = self._cached
        return self._refresh_at if held is not None and held.certificate and self._refresh_at < float("inf") else None

    def current(self) -> Credential:
        """One that serves, as far as we know. Raises NoCredential."""
        with self._lock:
            if not self.stale:
                assert self._cached is not None
                return self._cached
            try:
                return self._ask()
            except NoCredential:
                if (held := self.cached) is None:
                    raise
                # It serves for a while yet; who gives us the next may be back by then.
                self._refresh_at = min(self._now() + 1.0, self._expires_at)
                return held

    def renew(self, refused: Credential) -> Credential:
        """Another one in the place of one that the server did not take; the same where there is no other.

        Raises NoCredential.
        """
        with self._lock:
            if self._cached is not None and self._cached != refused:
                return self._cached  # somebody was here before us
            return self._ask()

    def _ask(self) -> Credential:
        identity = self._identity
        certificate, key = identity.certificate, identity.key
        lasting = True
        try:
            if identity.certificate_file:
                certificate, lasting = identity.certificate_file.read_bytes(), False
            if identity.key_file:
                key, lasting = identity.key_file.read_bytes(), False
        except OSError as error:
            raise NoCredential(f"the client certificate cannot be read: {error.strerror}") from None
        now = self._now()
        self_made = float("inf") if lasting else now + REREAD_SECONDS
        if identity.username or identity.password:
            login = b64encode(f"{identity.username}:{identity.password}".encode()).decode()
            return self._cache(Credential(f"Basic {login}", certificate, key), self_made)
        if identity.token_file:
            return self._cache(Credential(f"Bearer {self._read_token()}", certificate, key), now + REREAD_SECONDS)
        if identity.token:
            return self._cache(Credential(f"Bearer {identity.token.strip()}", certificate, key), self_made)
        if identity.plugin is None:
            return self._cache(Credential("", certificate, key), self_made)
        try:
            issued = self._run(identity.plugin)
        except PluginFailed as failed:
            raise NoCredential(str(failed)) from None
        authorization = f"Bearer {issued.token}" if issued.token else ""
        made = Credential(authorization, issued.certificate or certificate, issued.key or key)
        if issued.expires_at is None:
            return self._cache(made, self_made)
        dead = issued.expires_at.timestamp()
        return self._cache(made, min(self_made, dead - min(REFRESH_AHEAD_SECONDS, max(0.0, dead - now) / 4)), dead)

    def _cache(self, made: Credential, refresh_at: float, expires_at: float = float("inf")) -> Credential:
        self._cached, self._refresh_at, self._expires_at = made, refresh_at, expires_at
        return made

    def _read_token(self) -> str:
        identity = self._identity
        assert identity.token_file is not None
        try:
            token = identity.token_file.read_text().strip()
            why = "it is empty" if not token else ""
            if not token.isascii() or not token.isprintable():
                why = "it holds a character that no HTTP header can hold"
        except (OSError, ValueError) as error:
            token, why = "", getattr(error, "strerror", None) or "it is no text"
        if not why:
            return token
        if identity.token:
            return identity.token.strip()
        raise NoCredential(f"the token in {str(identity.token_file)!r} cannot be read: {why}")
