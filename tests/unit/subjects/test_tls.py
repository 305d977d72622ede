"""Credentials from a Secret: what is missing or malformed is named, and what is in it is never told."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest

from subjects.protocol import SubjectNotReady
from subjects.tls import TlsCredentials
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def secret(authority: Authority) -> dict[str, bytes]:
    certificate, key = authority.issue("client")
    return {"ca.crt": authority.certificate, "tls.crt": certificate, "tls.key": key}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_authority_and_a_certificate_make_a_context_that_checks_names(secret: dict[str, bytes]) -> None:
    context = TlsCredentials.from_secret(secret).ssl_context()
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
    assert [dict(*each["subject"])["commonName"] for each in context.get_ca_certs()] == ["authority"]  # type: ignore[index]


def test_a_system_that_asks_for_no_certificate_needs_an_authority_only(secret: dict[str, bytes]) -> None:
    credentials = TlsCredentials.from_secret({"ca.crt": secret["ca.crt"], "unrelated": b"x"})
    assert (credentials.certificate, credentials.key) == (None, None)
    credentials.ssl_context()


def test_grpc_gets_the_texts_as_they_stand_in_the_secret(secret: dict[str, bytes]) -> None:
    credentials = TlsCredentials.from_secret(secret)
    assert (credentials.authority, credentials.certificate, credentials.key) == tuple(secret.values())


def test_an_authority_may_come_with_comments_in_any_script(secret: dict[str, bytes]) -> None:
    TlsCredentials.from_secret(secret | {"ca.crt": "# größte Behörde\n".encode() + secret["ca.crt"]})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ca.crt": None}, "the TLS Secret has no ca.crt"),
        ({"tls.key": None}, "the TLS Secret has tls.crt and no tls.key"),
        ({"tls.crt": None}, "the TLS Secret has tls.key and no tls.crt"),
        ({"ca.crt": b""}, "ca.crt in the TLS Secret is no certificate in PEM form"),
        ({"ca.crt": b"hunter2"}, "ca.crt in the TLS Secret is no certificate in PEM form"),
        ({"ca.crt": b"\xff\x00"}, "ca.crt in the TLS Secret is no certificate in PEM form"),
        ({"tls.crt": b"hunter2"}, "tls.crt in the TLS Secret is no certificate in PEM form"),
        ({"tls.key": b"hunter2"}, "tls.key in the TLS Secret is malformed or encrypted"),
    ],
)
def test_the_key_that_is_missing_or_malformed_is_named_and_its_value_is_not(
    secret: dict[str, bytes], changes: dict[str, Any], sentence: str
) -> None:
    values = {name: value for name, value in (secret | changes).items() if value is not None}
    with pytest.raises(SubjectNotReady) as refused:
        TlsCredentials.from_secret(values)
    assert str(refused.value) == sentence
    assert refused.value.__cause__ is None


def test_a_key_of_another_certificate_is_told_apart(secret: dict[str, bytes], authority: Authority) -> None:
    _, other = authority.issue("other")
    with pytest.raises(SubjectNotReady, match=r"^tls\.key in the TLS Secret belongs to another tls\.crt$"):
        TlsCredentials.from_secret(secret | {"tls.key": other})


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(
    secret: dict[str, bytes], authority: Authority
) -> None:
    with pytest.raises(SubjectNotReady, match=r"^tls\.key in the TLS Secret is malformed or encrypted$"):
        TlsCredentials.from_secret(secret | {"tls.key": authority.encrypt(secret["tls.key"])})


def test_nothing_of_the_key_stays_on_disk(secret: dict[str, bytes], temporary: Path) -> None:
    TlsCredentials.from_secret(secret)
    with pytest.raises(SubjectNotReady):
        TlsCredentials.from_secret(secret | {"tls.key": b"hunter2"})
    assert list(temporary.iterdir()) == []


def test_credentials_do_not_show_themselves(secret: dict[str, bytes]) -> None:
    assert repr(TlsCredentials.from_secret(secret)) == "TlsCredentials()"
