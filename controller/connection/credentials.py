"""A connection's credential, refreshed before it expires and when the server refuses it.

Methods block and are thread-safe: a plugin runs once for all threads that wait for it. The async client calls them in
a thread. A credential plugin is a command that prints a token or a certificate (Kubernetes' client authentication API).
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

from controller.connection.values import ExecPlugin, Identity

REREAD_SECONDS = 60.0
"""How long a file's content is used, as in client-go. The kubelet replaces a token long before it expires."""

REFRESH_AHEAD_SECONDS = 60.0
"""How long before its expiry a plugin's credential is replaced; at most a quarter of its life."""

PLUGIN_SECONDS = 60.0
"""The limit of a plugin that is not interactive; an interactive one waits for a person."""

MAX_PLUGIN_BYTES = 1 << 20


class ExecPluginFailed(Exception):
    """A plugin gave no credential; the text says why and quotes nothing of its output."""


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """What a plugin printed. `expires_at` is in UTC; None where the plugin gives none."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: datetime | None = None


def run_exec_plugin(plugin: ExecPlugin, environment: Mapping[str, str] = os.environ) -> IssuedCredential:
    """Runs the plugin to its end and returns its credential. Raises ExecPluginFailed."""
    interactive = plugin.interactive_mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not interactive:
        raise ExecPluginFailed(f"{_name(plugin)} wants to ask somebody, and standard input is no terminal")
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
        raise ExecPluginFailed(f"the command {plugin.command!r} was not found{hint}") from None
    except subprocess.TimeoutExpired:
        raise ExecPluginFailed(f"{_name(plugin)} did not end within {PLUGIN_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ExecPluginFailed(f"{_name(plugin)} could not be run: {why}") from None
    if done.returncode:
        message = _last_line(done.stderr or b"")
        raise ExecPluginFailed(
            f"{_name(plugin)} ended with status {done.returncode}" + (f": {message}" if message else "")
        )
    return parse_credential(plugin, done.stdout)


def parse_credential(plugin: ExecPlugin, output: bytes) -> IssuedCredential:
    """Returns the credential that a plugin printed. Raises ExecPluginFailed. Pure."""
    try:
        if len(output) > MAX_PLUGIN_BYTES:
            raise ValueError
        printed: Any = json.loads(output)
    except (ValueError, RecursionError):
        raise ExecPluginFailed(f"{_name(plugin)} printed no JSON") from None
    if not isinstance(printed, dict) or printed.get("kind") != "ExecCredential":
        raise ExecPluginFailed(f"{_name(plugin)} printed no ExecCredential")
    if printed.get("apiVersion") != plugin.api_version:
        raise ExecPluginFailed(f"{_name(plugin)} printed another version than {plugin.api_version}")
    status = printed.get("status")
    if not isinstance(status, dict):
        raise ExecPluginFailed(f"{_name(plugin)} printed an ExecCredential without a status")
    token, certificate, key, until = (
        status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    )
    if not all(isinstance(each, str) for each in (token, certificate, key, until)):
        raise ExecPluginFailed(f"{_name(plugin)} printed an ExecCredential with values that are no text")
    if not token.isascii() or not token.isprintable():
        raise ExecPluginFailed(f"{_name(plugin)} printed a token that no HTTP header can hold")
    if bool(certificate) != bool(key):
        raise ExecPluginFailed(f"{_name(plugin)} printed a certificate or a key, not both")
    if not token and not certificate:
        raise ExecPluginFailed(f"{_name(plugin)} printed neither a token nor a certificate")
    return IssuedCredential(token, certificate.encode(), key.encode(), _parse_time(plugin, until))


def _parse_time(plugin: ExecPlugin, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ExecPluginFailed(f"{_name(plugin)} printed an expirationTimestamp that is no time") from None


def _name(plugin: ExecPlugin) -> str:
    return f"the credential plugin {os.path.basename(plugin.command)!r}"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return "".join(each if each.isprintable() else " " for each in lines[-1])[:300] if lines else ""


class NoCredential(Exception):
    """No credential can be had now; the text says why."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request is sent with: an `Authorization` header, a certificate (PEM, with its key), both or neither."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)


class Credentials:
    """The current credential of one identity. `now` is in seconds since 1970."""

    def __init__(
        self,
        identity: Identity,
        run: Callable[[ExecPlugin], IssuedCredential] = run_exec_plugin,
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
        """The cached credential while it is valid; None where `current` would block."""
        return self._cached if self._now() < self._expires_at else None

    @property
    def stale(self) -> bool:
        """Returns whether the credential should be replaced."""
        return self._cached is None or self._now() >= self._refresh_at

    @property
    def certificate_ends_at(self) -> float | None:
        """Returns when the cached certificate should be replaced; None where it does not expire, or there is none."""
        held = self._cached
        return self._refresh_at if held is not None and held.certificate and self._refresh_at < float("inf") else None

    def current(self) -> Credential:
        """Returns a credential that is valid as far as is known. Raises NoCredential."""
        with self._lock:
            if not self.stale:
                assert self._cached is not None
                return self._cached
            try:
                return self._obtain()
            except NoCredential:
                if (held := self.cached) is None:
                    raise
                # It is valid a while longer, and its source may be back by then.
                self._refresh_at = min(self._now() + 1.0, self._expires_at)
                return held

    def renew(self, refused: Credential) -> Credential:
        """Replaces a credential that the server refused; returns the same one where there is no other.

        Raises NoCredential.
        """
        with self._lock:
            if self._cached is not None and self._cached != refused:
                return self._cached  # another thread has replaced it
            return self._obtain()

    def _obtain(self) -> Credential:
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
        reread_at = float("inf") if lasting else now + REREAD_SECONDS
        if identity.username or identity.password:
            login = b64encode(f"{identity.username}:{identity.password}".encode()).decode()
            return self._cache(Credential(f"Basic {login}", certificate, key), reread_at)
        if identity.token_file:
            return self._cache(Credential(f"Bearer {self._read_token()}", certificate, key), now + REREAD_SECONDS)
        if identity.token:
            return self._cache(Credential(f"Bearer {identity.token.strip()}", certificate, key), reread_at)
        if identity.plugin is None:
            return self._cache(Credential("", certificate, key), reread_at)
        try:
            issued = self._run(identity.plugin)
        except ExecPluginFailed as failed:
            raise NoCredential(str(failed)) from None
        authorization = f"Bearer {issued.token}" if issued.token else ""
        credential = Credential(authorization, issued.certificate or certificate, issued.key or key)
        if issued.expires_at is None:
            return self._cache(credential, reread_at)
        expires_at = issued.expires_at.timestamp()
        ahead = min(REFRESH_AHEAD_SECONDS, max(0.0, expires_at - now) / 4)
        return self._cache(credential, min(reread_at, expires_at - ahead), expires_at)

    def _cache(self, credential: Credential, refresh_at: float, expires_at: float = float("inf")) -> Credential:
        self._cached, self._refresh_at, self._expires_at = credential, refresh_at, expires_at
        return credential

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
