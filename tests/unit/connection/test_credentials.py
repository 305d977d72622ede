"""Credentials are asked for before they end, anew when they are not taken, and once for all who wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.connection.credentials import (
    REREAD_SECONDS,
    Credentials,
    ExecPluginFailed,
    IssuedCredential,
    NoCredential,
    parse_credential,
    run_exec_plugin,
)
from controller.connection.values import ExecPlugin, Identity

PLUGIN = ExecPlugin("plugin", (), "client.authentication.k8s.io/v1", "Never")


class Issuer:
    """A plugin whose tokens live for `seconds`; its clock is the test's."""

    def __init__(self, seconds: int | None = None) -> None:
        self.now = 1_000_000.0
        self.seconds = seconds
        self.issued = 0
        self.fails = False
        self.credentials = Credentials(Identity(plugin=PLUGIN), self.run, lambda: self.now)

    def run(self, _: ExecPlugin) -> IssuedCredential:
        if self.fails:
            raise ExecPluginFailed("it is away")
        self.issued += 1
        ends = None if self.seconds is None else datetime.fromtimestamp(self.now + self.seconds, UTC)
        return IssuedCredential(f"t{self.issued}", expires_at=ends)

    @property
    def current(self) -> str:
        return self.credentials.current().authorization


def test_a_token_is_kept_until_it_is_about_to_end() -> None:
    issuer = Issuer(900)
    assert issuer.current == issuer.current == "Bearer t1"
    issuer.now += 839
    assert issuer.current == "Bearer t1"
    issuer.now += 2
    assert issuer.current == "Bearer t2"


def test_a_short_life_is_used_for_three_quarters() -> None:
    issuer = Issuer(20)
    assert issuer.current == "Bearer t1"
    issuer.now += 14
    assert issuer.current == "Bearer t1"
    issuer.now += 2
    assert issuer.current == "Bearer t2"


def test_a_token_that_does_not_say_when_it_ends_is_kept_until_it_is_not_taken() -> None:
    issuer = Issuer()
    first = issuer.credentials.current()
    issuer.now += 1e6
    assert issuer.credentials.current() == first
    assert issuer.credentials.renew(first).authorization == "Bearer t2"


def test_who_comes_second_with_the_same_refusal_gets_what_the_first_got() -> None:
    issuer = Issuer()
    first = issuer.credentials.current()
    assert issuer.credentials.renew(first) == issuer.credentials.renew(first)
    assert issuer.issued == 2


def test_many_threads_ask_once() -> None:
    issuer = Issuer()
    gate = threading.Barrier(8)

    def ask(_: int) -> str:
        gate.wait()
        return issuer.current

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"Bearer t1"}
    assert issuer.issued == 1


def test_while_an_old_one_serves_a_plugin_may_be_away() -> None:
    issuer = Issuer(900)
    assert issuer.current == "Bearer t1"
    issuer.fails, issuer.now = True, issuer.now + 850
    assert issuer.current == "Bearer t1"
    issuer.now += 60
    with pytest.raises(NoCredential, match="it is away"):
        issuer.credentials.current()
    issuer.fails = False
    assert issuer.current == "Bearer t2"


def test_a_token_file_is_read_anew(tmp_path: Path) -> None:
    file, now = tmp_path / "token", [0.0]
    file.write_text("a\n")
    credentials = Credentials(Identity(token_file=file), now=lambda: now[0])
    assert credentials.current().authorization == "Bearer a"
    file.write_text("b")
    assert credentials.current().authorization == "Bearer a"
    now[0] += REREAD_SECONDS
    assert credentials.current().authorization == "Bearer b"
    file.write_text("c")
    assert credentials.renew(credentials.current()).authorization == "Bearer c"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff", b"a\nb", "ü".encode()])
def test_a_token_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(NoCredential, match="cannot be read"):
        Credentials(Identity(token_file=tmp_path / "token")).current()


def test_certificates_in_files_are_read_anew(tmp_path: Path) -> None:
    certificate, key, now = tmp_path / "crt", tmp_path / "key", [0.0]
    certificate.write_bytes(b"1")
    key.write_bytes(b"2")
    credentials = Credentials(Identity(certificate_file=certificate, key_file=key), now=lambda: now[0])
    assert (credentials.current().certificate, credentials.current().key) == (b"1", b"2")
    certificate.write_bytes(b"3")
    now[0] += REREAD_SECONDS
    assert credentials.current().certificate == b"3"


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"[]",
        b'"x"',
        b"{}",
        b'{"kind": "ExecCredential"}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": []}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": 1}}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "a\\nb"}}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",'
        b' "status": {"token": "hush", "expirationTimestamp": "soon"}}',
        b'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",'
        b' "status": {"token": "hush", "clientKeyData": "k"}}',
    ],
)
def test_whatever_a_plugin_prints_the_complaint_is_a_sentence_without_it(output: bytes) -> None:
    with pytest.raises(ExecPluginFailed) as failed:
        parse_credential(PLUGIN, output)
    assert "hush" not in str(failed.value) and "\n" not in str(failed.value)


def test_what_a_plugin_complains_of_is_passed_on() -> None:
    plugin = ExecPlugin("sh", ("-c", "echo first >&2; echo 'log in again' >&2; exit 3"), PLUGIN.api_version, "Never")
    with pytest.raises(ExecPluginFailed, match=r"status 3: log in again$"):
        run_exec_plugin(plugin)


def test_a_plugin_gets_its_variables_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "o")
    printed = '{"kind": "ExecCredential", "apiVersion": "%s", "status": {"token": "\'$OURS$THEIRS\'"}}'
    command = f"echo '{printed % PLUGIN.api_version}'"
    plugin = ExecPlugin("sh", ("-c", command), PLUGIN.api_version, "Never", {"THEIRS": "t"})
    assert run_exec_plugin(plugin).token == "ot"
