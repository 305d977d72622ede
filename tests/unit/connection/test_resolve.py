"""In a pod, and outside: what tests/apiserver/test_kubeconfig.py, which runs kubectl beside us, cannot try."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.connection import NoCluster, connection_from
from tests.support.certificates import Authority

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "of")


@pytest.fixture
def account(tmp_path: Path, authority: Authority) -> Path:
    folder = tmp_path / "account"
    folder.mkdir()
    for name, content in (("token", b"a-token"), ("ca.crt", authority.certificate), ("namespace", b"ours")):
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., Any]:
    def write(**more: Any) -> dict[str, str]:
        said = {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://elsewhere"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(said | more))
        return {"KUBECONFIG": str(tmp_path / "kubeconfig")}

    return write


def test_in_a_pod_without_a_kubeconfig_it_is_the_pods_own_account(account: Path, authority: Authority) -> None:
    found = connection_from(POD, account=account)
    assert (found.server, found.namespace, found.in_cluster) == ("https://10.0.0.1:443", "ours", True)
    assert (found.trust.ca, found.identity.token_file) == (authority.certificate, account / "token")


def test_in_a_pod_a_kubeconfig_goes_first(account: Path, kubeconfig: Callable[..., Any]) -> None:
    found = connection_from(POD | kubeconfig(), account=account)
    assert (found.server, found.in_cluster) == ("http://elsewhere", False)
    assert found.namespace == "ours"  # of which kubectl takes no notice where it comes from


@pytest.mark.parametrize("nothing", [{"KUBECONFIG": "/nowhere"}, {"KUBECONFIG": ":"}, {"KUBECONFIG": ""}, {}])
def test_in_a_pod_a_kubeconfig_that_says_nothing_does_not_count(
    account: Path, nothing: dict[str, str], tmp_path: Path
) -> None:
    assert connection_from(POD | {"HOME": str(tmp_path)} | nothing, account=account).in_cluster


def test_in_a_pod_a_kubeconfig_that_names_no_context_does_not_count(
    account: Path, kubeconfig: Callable[..., Any]
) -> None:
    assert connection_from(POD | kubeconfig(**{"current-context": ""}), account=account).in_cluster


def test_in_a_pod_a_kubeconfig_that_makes_no_sense_is_not_passed_over(
    account: Path, kubeconfig: Callable[..., Any]
) -> None:
    with pytest.raises(NoCluster, match="there is no context 'x'"):
        connection_from(POD | kubeconfig(**{"current-context": "x"}), account=account)


def test_in_a_pod_a_file_that_was_named_must_be_there(account: Path, tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="No such file"):
        connection_from(POD, kubeconfig=tmp_path / "none", account=account)


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_half_an_environment_is_no_pod(account: Path, missing: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in POD.items() if name != missing}
    with pytest.raises(NoCluster, match="no kubeconfig says which"):
        connection_from(environment | {"HOME": str(tmp_path)}, account=account)


def test_a_pod_without_a_token_has_no_account(account: Path, tmp_path: Path) -> None:
    (account / "token").unlink()
    with pytest.raises(NoCluster, match="no kubeconfig says which"):
        connection_from(POD | {"HOME": str(tmp_path)}, account=account)


def test_an_ipv6_cluster(account: Path) -> None:
    found = connection_from(POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, account=account)
    assert found.server == "https://[fd00::1]:443"


def test_the_namespace_of_a_pod_may_come_from_its_environment(account: Path) -> None:
    assert connection_from(POD | {"POD_NAMESPACE": "theirs"}, account=account).namespace == "theirs"


def test_a_pod_behind_a_proxy(account: Path) -> None:
    proxied = POD | {"HTTPS_PROXY": "http://proxy:3128"}
    assert connection_from(proxied, account=account).proxy == "http://proxy:3128"
    assert connection_from(proxied | {"NO_PROXY": "10.0.0.0/8"}, account=account).proxy is None


@pytest.mark.parametrize(
    ("proxy", "why"),
    [("socks5://proxy:1080", "is a socks5 proxy"), ("ftp://proxy", "scheme ftp"), ("http://proxy:x", "is no URL")],
)
@pytest.mark.parametrize("where", ["environment", "kubeconfig"])
def test_a_proxy_that_cannot_be_used_is_refused_at_once(
    kubeconfig: Callable[..., Any], proxy: str, why: str, where: str
) -> None:
    cluster = {"server": "http://elsewhere"} | ({"proxy-url": proxy} if where == "kubeconfig" else {})
    environment = kubeconfig(clusters=[{"name": "c", "cluster": cluster}])
    if where == "environment":
        environment["HTTP_PROXY"] = proxy
    with pytest.raises(NoCluster, match=why):
        connection_from(environment)


def test_no_secret_is_in_what_is_printed(kubeconfig: Callable[..., Any]) -> None:
    user = {"token": "hush-1", "client-key": "x"}
    clusters = [{"name": "c", "cluster": {"server": "https://elsewhere", "proxy-url": "http://me:hush-2@proxy"}}]
    contexts = [{"name": "c", "context": {"cluster": "c", "user": "u"}}]
    found = connection_from(kubeconfig(clusters=clusters, contexts=contexts, users=[{"name": "u", "user": user}]))
    assert found.identity.token == "hush-1"
    assert "hush" not in repr(found) and "hush" not in repr(found.identity)
