"""The command line's own requests: a credential that is not taken is asked for once more, and no oftener."""

from __future__ import annotations

import json
import ssl
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import Refused, Unreachable
from tests.support.certificates import SERVER_NAME, Authority
from tests.support.hearing import Hearing, hearing

VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Hearing]:
    authority = Authority(tmp_path / "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "pair").write_bytes(b"\n".join(authority.issue("server")))
    context.load_cert_chain(tmp_path / "pair")
    with hearing("server", tls=context) as made:
        cluster = {
            "server": made.url,
            "certificate-authority-data": b64encode(authority.certificate).decode(),
            "tls-server-name": SERVER_NAME,
        }
        # It counts how often it was asked, and gives that as a token.
        code = (
            "import json, pathlib; file = pathlib.Path('asked'); "
            "file.write_text(file.read_text() + 'x' if file.exists() else 'x'); "
            f"print(json.dumps(dict(kind='ExecCredential', apiVersion={VERSION!r}, "
            "status=dict(token='t' + str(len(file.read_text()))))))"
        )
        plugin = {"apiVersion": VERSION, "command": sys.executable, "args": ["-c", code], "interactiveMode": "Never"}
        said = {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"exec": plugin}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(said))
        yield made


@pytest.fixture
def api(server: Hearing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.chdir(tmp_path)
    return Api.connect(kubeconfig=tmp_path / "kubeconfig")


def tokens(server: Hearing) -> list[str]:
    return [each.authorization.removeprefix("Bearer ") for each in server.heard]


def test_a_token_is_asked_for_once(server: Hearing, api: Api) -> None:
    api.get("/version")
    api.get("/version")
    assert tokens(server) == ["t1", "t1"] and api.namespace == "n"


def test_one_that_is_not_taken_is_replaced_and_the_request_sent_again(server: Hearing, api: Api) -> None:
    server.takes = lambda heard: heard.authorization == "Bearer t2"
    assert api.request("POST", "/x", body={}) == server.answer
    assert tokens(server) == ["t1", "t2"]


def test_where_none_is_taken_it_says_so_after_the_second(server: Hearing, api: Api) -> None:
    server.takes = lambda heard: False
    with pytest.raises(Refused, match="does not know you"):
        api.get("/version")
    assert tokens(server) == ["t1", "t2"]


def test_a_server_that_is_busy_is_asked_again(server: Hearing, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[Any] = []
    monkeypatch.setattr("controller.cli.cluster.api.sleep", pauses.append)
    server.busy = 2
    assert api.request("POST", "/x", body={}) == server.answer
    assert (len(server.heard), pauses) == (3, [1, 1])
    server.busy = 100
    with pytest.raises(Unreachable, match="too many requests"):
        api.get("/version")
    assert len(server.heard) == 3 + 11


def test_an_answer_that_is_not_read_to_its_end_is_not_taken_for_the_next(server: Hearing, api: Api) -> None:
    server.answer = {"type": "ADDED", "object": {"more": "x" * 100_000}}
    watching = api.watch("/x", {}, 30)
    next(watching)
    watching.close()  # type: ignore[attr-defined]
    assert api.get("/version") == server.answer


def test_a_plugin_that_is_gone_is_named(server: Hearing, tmp_path: Path, api: Api) -> None:
    said = json.loads((tmp_path / "kubeconfig").read_text())
    said["users"][0]["user"]["exec"] |= {"command": "no-such-plugin", "installHint": "brew install it"}
    (tmp_path / "kubeconfig").write_text(json.dumps(said))
    with pytest.raises(Unreachable, match=r"'no-such-plugin' was not found \(brew install it\)"):
        Api.connect(kubeconfig=tmp_path / "kubeconfig").get("/version")
    assert not server.heard
