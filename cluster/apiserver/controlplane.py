"""A real API server for tests: etcd and kube-apiserver as plain processes on 127.0.0.1. No Docker, up in 3 seconds.

There are no controllers here. Namespaces once deleted stay Terminating, Deployments make no pods, owner references
collect nothing; what depends on those belongs into tests/e2e.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.apiserver.processes import Process, free_ports

ADMIN = "admin"
UP_SECONDS = 180.0
TRIES = 3


class ControlPlane:
    """etcd and kube-apiserver below one folder, whose `logs` are left behind.

    `flags` and `environment` are for kube-apiserver, on top of what it needs anyway.
    """

    def __init__(
        self,
        folder: Path,
        binaries: Mapping[str, Path],
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.certificates = folder / "certificates"
        self.url = ""
        self._binaries = binaries
        self._flags = flags
        self._environment = environment
        self._admin_token = secrets.token_urlsafe(24)
        self._processes: list[Process] = []
        self.logs.mkdir(parents=True)

    @property
    def authority(self) -> Path:
        """The certificate to trust: kube-apiserver signs its own at its start."""
        return self.certificates / "apiserver.crt"

    def start(self) -> None:
        """Return when the API server says it is ready. AssertionError with the log's end when it does not get there."""
        for tries_left in reversed(range(TRIES)):
            try:
                return self._start()
            except AssertionError as error:
                self.stop()
                # Another process may have taken a port between our looking and the server's binding.
                if tries_left == 0 or "address already in use" not in str(error):
                    raise

    def stop(self) -> None:
        """End both and drop their data; the logs stay."""
        while self._processes:
            self._processes.pop().stop()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def kubeconfig(self, user: str, token: str) -> Path:
        """A kubeconfig file for somebody with this token, with `default` as the namespace."""
        path = self.folder / f"{user.replace(':', '_')}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        # JSON is YAML.
        path.write_text(json.dumps(config, indent=2))
        path.chmod(0o600)
        return path

    def admin_kubeconfig(self) -> Path:
        """For somebody who may do everything."""
        return self.kubeconfig(ADMIN, self._admin_token)

    def _start(self) -> None:
        clients, peers, secure = free_ports(3)
        etcd = self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{clients}",
            f"--advertise-client-urls=http://127.0.0.1:{clients}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-cluster=default=http://127.0.0.1:{peers}",
            "--log-level=warn",
            # Nothing here outlives the session, so nothing has to reach the disk.
            "--unsafe-no-fsync",
        )
        etcd.wait_until(lambda: _answers(f"http://127.0.0.1:{clients}/health"), UP_SECONDS)

        signing_key = self.folder / "service-accounts.key"
        signing_key.write_text(_new_signing_key())
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{self._admin_token},{ADMIN},{ADMIN},"system:masters"\n')
        server = self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{clients}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            f"--cert-dir={self.certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            # It would hold back every pod until the default ServiceAccount exists, which a controller makes.
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            *self._flags,
            environment=self._environment,
        )
        self.url = f"https://127.0.0.1:{secure}"
        server.wait_until(lambda: _answers(f"{self.url}/readyz", self.authority), UP_SECONDS)

    def _run(self, name: str, *flags: str, environment: Mapping[str, str] | None = None) -> Process:
        process = Process([self._binaries[name], *flags], self.logs / f"{name}.log", environment)
        self._processes.append(process)
        return process


def _answers(url: str, authority: Path | None = None) -> bool:
    if authority is not None and not authority.exists():
        return False
    trust = ssl.create_default_context(cafile=str(authority)) if authority else None
    try:
        with urllib.request.urlopen(url, timeout=2, context=trust) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _new_signing_key() -> str:
    """A P-256 private key in PEM, which signs the tokens of ServiceAccounts.

    Such a key is a random number in a fixed frame (RFC 5915: version 1, the number, the curve's name), so it takes
    neither openssl nor a library. A number below 2^255 is always below the order of the curve.
    """
    number = (secrets.randbits(255) | 1).to_bytes(32, "big")
    frame = bytes.fromhex("30310201010420") + number + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.encodebytes(frame).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"
