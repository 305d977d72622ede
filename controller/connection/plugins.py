"""Credential plugins: commands that print a token or a certificate (the client authentication API of Kubernetes)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from controller.connection.values import Plugin

LIMIT_SECONDS = 60.0
"""For a plugin that may ask nobody. One that may waits for a person."""

MOST_BYTES = 1 << 20


class PluginFailed(Exception):
    """It gave no credential; the text, which holds nothing of its output, says why."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What a plugin gave. `expires_at` is in UTC; None: it does not say."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires_at: datetime | None = None


def run(plugin: Plugin, environment: Mapping[str, str] = os.environ) -> Issued:
    """Run it to its end. Raises PluginFailed."""
    interactive = plugin.interactive_mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not interactive:
        raise PluginFailed(f"{_name(plugin)} wants to ask somebody, and standard input is no terminal")
    told = {
        "kind": "ExecCredential",
        "apiVersion": plugin.api_version,
        "spec": {**plugin.info, "interactive": interactive},
    }
    try:
        done = subprocess.run(
            [plugin.command, *plugin.args],
            env={**environment, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(told)},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            timeout=None if interactive else LIMIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        hint = f" ({plugin.install_hint})" if plugin.install_hint else ""
        raise PluginFailed(f"the command {plugin.command!r} was not found{hint}") from None
    except subprocess.TimeoutExpired:
        raise PluginFailed(f"{_name(plugin)} did not end within {LIMIT_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise PluginFailed(f"{_name(plugin)} could not be run: {why}") from None
    if done.returncode:
        said = _last_line(done.stderr or b"")
        raise PluginFailed(f"{_name(plugin)} ended with status {done.returncode}" + (f": {said}" if said else ""))
    return issued(plugin, done.stdout)


def issued(plugin: Plugin, output: bytes) -> Issued:
    """What it printed. Raises PluginFailed. Pure."""
    try:
        if len(output) > MOST_BYTES:
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
    return Issued(token, certificate.encode(), key.encode(), _instant(plugin, until))


def _instant(plugin: Plugin, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PluginFailed(f"{_name(plugin)} printed an expirationTimestamp that is no time") from None


def _name(plugin: Plugin) -> str:
    return f"the credential plugin {os.path.basename(plugin.command)!r}"


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return "".join(each if each.isprintable() else " " for each in lines[-1])[:300] if lines else ""
