"""A client of TiKV, as applications have one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import PD
from subjects.tls import Credentials

if TYPE_CHECKING:
    from tikv import AsyncRawClient, TLSConfig


async def connect(endpoints: Endpoints, timeout: float) -> AsyncRawClient | None:
    """A client with nothing cached that begins with PD's members as they are now; None while none has an address.

    Every operation has `timeout` seconds. SubjectError or ClusterUnreachable where the pods cannot be listed.
    """
    from tikv import AsyncRawClient  # a heavy import, for those who write

    credentials = await endpoints.credentials()
    pods = [pod for _, pod in sorted((await endpoints.pd_pods()).items()) if pod.ip and not pod.deleting]
    if not pods:
        return None
    if credentials is None:
        return AsyncRawClient([_address(pod.ip or "", endpoints.port(PD, pod)) for pod in pods], timeout=timeout)
    names = [f"{endpoints.server_name(PD, pod)}:{endpoints.port(PD, pod)}" for pod in pods]
    with TemporaryDirectory() as folder:  # the files are read while the client is made
        return AsyncRawClient(names, timeout=timeout, tls=_config(credentials, Path(folder)))


def _address(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _config(credentials: Credentials, folder: Path) -> TLSConfig:
    from tikv import TLSConfig

    written: dict[str, Path] = {}
    for name, pem in (("ca", credentials.authority), ("cert", credentials.certificate), ("key", credentials.key)):
        if pem is not None:
            written[name] = folder / name
            written[name].write_bytes(pem)
    return TLSConfig(written["ca"], written.get("cert"), written.get("key"))
