"""An authority of our own and what it signs, made with `openssl` in a moment. Nothing here outlives a test run."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SERVER_NAME = "pd-0.pd-peer.tikv.svc"

_EXTENSIONS = """
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[member]
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid
subjectAltName = DNS:{name}
[machine]
basicConstraints = critical, CA:FALSE
authorityKeyIdentifier = keyid
subjectAltName = DNS:{name}, IP:127.0.0.1, IP:::1
"""


def require_openssl() -> str:
    """Where it is; skips the test, with the reason, where it is missing (fails it under EVALCAMPAIGN_REQUIRE=1)."""
    if found := shutil.which("openssl"):
        return found
    reason = "openssl is not on PATH: nothing here makes certificates without it"
    if os.environ.get("EVALCAMPAIGN_REQUIRE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Authority:
    """Signs certificates. `certificate` is what others must trust; everything is PEM."""

    def __init__(self, folder: Path) -> None:
        self._openssl = require_openssl()
        self._folder = folder
        self._serial = itertools.count(1)
        folder.mkdir()
        (folder / "extensions").write_text(_EXTENSIONS.format(name=SERVER_NAME))
        self._request("authority")
        self.certificate = self._sign("authority", "authority", "-signkey", "authority.key")

    def issue(self, name: str, section: str = "member") -> tuple[bytes, bytes]:
        """A certificate for SERVER_NAME whose common name is `name`, and its key; as `machine`, for this one too."""
        self._request(name)
        certificate = self._sign(name, section, "-CA", "authority.crt", "-CAkey", "authority.key")
        return certificate, (self._folder / f"{name}.key").read_bytes()

    def encrypt(self, key: bytes) -> bytes:
        """The key, under a password."""
        return self._run("pkey", "-aes256", "-passout", "pass:secret", stdin=key)

    def _request(self, name: str) -> None:
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
        self._run("req", *new, "-subj", f"/CN={name}", "-out", f"{name}.csr")

    def _sign(self, name: str, section: str, *by: str) -> bytes:
        limits = ("-set_serial", str(next(self._serial)), "-days", "2")
        extensions = ("-extfile", "extensions", "-extensions", section)
        self._run("x509", "-req", "-in", f"{name}.csr", *by, *limits, *extensions, "-out", f"{name}.crt")
        return (self._folder / f"{name}.crt").read_bytes()

    def _run(self, *words: str, stdin: bytes = b"") -> bytes:
        command = [self._openssl, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, cwd=self._folder, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
