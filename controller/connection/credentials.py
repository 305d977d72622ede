"""What proves who we are, kept fresh: asked for before it expires, and anew when the server does not take it.

Blocking, and for any thread: a plugin runs once for all who wait for it. The async client asks in a thread.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from controller.connection import plugins
from controller.connection.values import Identity, Plugin

REREAD_SECONDS = 60.0
"""How old what was read from a file may be, as in client-go. The kubelet replaces a token long before it expires."""

AHEAD_SECONDS = 60.0
"""How long before its end a plugin's credential is replaced; of a shorter life, a quarter at most."""


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
        run: Callable[[Plugin], plugins.Issued] = plugins.run,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._identity = identity
        self._run = run
        self._now = now
        self._lock = threading.Lock()
        self._held: Credential | None = None
        self._stale_at = float("inf")
        self._dead_at = float("inf")

    @property
    def at_once(self) -> Credential | None:
        """What we have, where it still serves; None where `current` would have to wait for something."""
        return self._held if self._now() < self._dead_at else None

    @property
    def stale(self) -> bool:
        """Whether it is time to ask for another."""
        return self._held is None or self._now() >= self._stale_at

    @property
    def certificate_ends_at(self) -> float | None:
        """When the certificate that we hold should be replaced; None where it lasts, or we hold none."""
        held = self._held
        return self._stale_at if held is not None and held.certificate and self._stale_at < float("inf") else None

    def current(self) -> Credential:
        """One that serves, as far as we know. Raises NoCredential."""
        with self._lock:
            if not self.stale:
                assert self._held is not None
                return self._held
            try:
                return self._ask()
            except NoCredential:
                if (held := self.at_once) is None:
                    raise
                # It serves for a while yet; who gives us the next may be back by then.
                self._stale_at = min(self._now() + 1.0, self._dead_at)
                return held

    def renewed(self, refused: Credential) -> Credential:
        """Another one in the place of one that the server did not take; the same where there is no other.

        Raises NoCredential.
        """
        with self._lock:
            if self._held is not None and self._held != refused:
                return self._held  # somebody was here before us
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
            return self._hold(Credential(f"Basic {login}", certificate, key), self_made)
        if identity.token_file:
            return self._hold(Credential(f"Bearer {self._read_token()}", certificate, key), now + REREAD_SECONDS)
        if identity.token:
            return self._hold(Credential(f"Bearer {identity.token.strip()}", certificate, key), self_made)
        if identity.plugin is None:
            return self._hold(Credential("", certificate, key), self_made)
        try:
            issued = self._run(identity.plugin)
        except plugins.PluginFailed as failed:
            raise NoCredential(str(failed)) from None
        authorization = f"Bearer {issued.token}" if issued.token else ""
        made = Credential(authorization, issued.certificate or certificate, issued.key or key)
        if issued.expires_at is None:
            return self._hold(made, self_made)
        dead = issued.expires_at.timestamp()
        return self._hold(made, min(self_made, dead - min(AHEAD_SECONDS, max(0.0, dead - now) / 4)), dead)

    def _hold(self, made: Credential, stale_at: float, dead_at: float = float("inf")) -> Credential:
        self._held, self._stale_at, self._dead_at = made, stale_at, dead_at
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
