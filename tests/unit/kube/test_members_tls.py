"""Asking members by TLS, against a real TLS server: who they are is checked, and who we are is shown."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Tls
from subjects.tls import TlsCredentials
from tests.support.certificates import SERVER_NAME, Authority
from tests.unit.kube.member import in_cluster, listening, pod


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "another")


@pytest.fixture(scope="module")
def credentials(authority: Authority) -> TlsCredentials:
    certificate, key = authority.issue("client")
    return TlsCredentials.from_secret({"ca.crt": authority.certificate, "tls.crt": certificate, "tls.key": key})


class Member:
    """A server with a certificate for SERVER_NAME. `names` is whom it was taken for, `guests` who came."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        certificate, key = authority.issue("server")
        (folder / "server.pem").write_bytes(certificate + key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem")
        self.context.load_verify_locations(cadata=authority.certificate.decode())
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.names: list[str | None] = []
        self.guests: list[str | None] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert") or {}
        self.guests.append(dict(*certificate["subject"])["commonName"] if certificate else None)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    def listening(self) -> AbstractAsyncContextManager[Any]:
        """As the function of that name."""
        return listening(self.talk, self.context)


@pytest.fixture
def member(authority: Authority, tmp_path: Path) -> Member:
    return Member(authority, tmp_path)


async def ask(port: int, context: ssl.SSLContext, name: str = SERVER_NAME) -> Answer:
    return await in_cluster().ask_member(MemberRequest("s", pod(), port, "/health", 5.0, tls=Tls(context, name)))


async def test_a_member_is_asked_at_its_address_and_known_by_its_name(
    member: Member, credentials: TlsCredentials
) -> None:
    async with member.listening() as port:
        assert await ask(port, credentials.ssl_context()) == Answer(200, {})
    assert member.names == [SERVER_NAME]


async def test_our_certificate_is_shown_to_a_member_that_asks_for_it(
    member: Member, credentials: TlsCredentials
) -> None:
    member.context.verify_mode = ssl.CERT_REQUIRED
    async with member.listening() as port:
        assert await ask(port, credentials.ssl_context()) == Answer(200, {})
    assert member.guests == ["client"]


async def test_a_member_that_does_not_take_our_certificate_breaks_off_and_the_text_says_what_may_be_wrong(
    member: Member, authority: Authority
) -> None:
    member.context.verify_mode = ssl.CERT_REQUIRED
    context = TlsCredentials.from_secret({"ca.crt": authority.certificate}).ssl_context()
    async with member.listening() as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: .*(reset|EOF|required).*certificate"):
            await ask(port, context)


async def test_another_name_is_another_member(member: Member, credentials: TlsCredentials) -> None:
    async with member.listening() as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: .*Hostname mismatch.*'tikv-0\.tikv-peer'"):
            await ask(port, credentials.ssl_context(), "tikv-0.tikv-peer")


async def test_a_member_of_another_authority_is_not_believed(
    stranger: Authority, tmp_path: Path, credentials: TlsCredentials
) -> None:
    async with Member(stranger, tmp_path).listening() as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: .*certificate verify failed"):
            await ask(port, credentials.ssl_context())


@pytest.mark.parametrize(
    "name", ["", ".pd", "n" * 300, "pd\0-0", "größe..pd"], ids=["none", "dot", "long", "nul", "idna"]
)
async def test_a_name_that_is_none_is_no_answer(member: Member, credentials: TlsCredentials, name: str) -> None:
    async with member.listening() as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: ."):
            await ask(port, credentials.ssl_context(), name)


async def test_a_member_that_speaks_no_tls_is_no_answer(credentials: TlsCredentials) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async with listening(talk) as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: .*(SSL|EOF|reset)"):
            await ask(port, credentials.ssl_context())


async def test_two_systems_with_authorities_of_their_own_are_not_mixed_up(
    member: Member, stranger: Authority, tmp_path: Path, credentials: TlsCredentials
) -> None:
    (tmp_path / "another").mkdir()
    other = Member(stranger, tmp_path / "another")
    theirs = TlsCredentials.from_secret({"ca.crt": stranger.certificate})
    async with member.listening() as port, other.listening() as other_port:
        assert await ask(port, credentials.ssl_context()) == Answer(200, {})
        assert await ask(other_port, theirs.ssl_context()) == Answer(200, {})
        with pytest.raises(MemberUnreachable, match="certificate verify failed"):
            await ask(other_port, credentials.ssl_context())
