"""Where kubectl goes, and as whom, we go, and as the same: kubectl itself is run beside it, case by case.

Servers that note what they hear stand in for API servers. What a pod's own files say is tested in
tests/unit/connection: kubectl reads them at one fixed place.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cluster.apiserver.kubectl import Kubectl
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed
from controller.connection import NoCluster
from controller.kube import KubeApi
from subjects.cluster import ClusterError, ClusterUnreachable
from tests.apiserver import binaries
from tests.support.certificates import SERVER_NAME, Authority
from tests.support.hearing import Heard, Hearing, hearing

Json = Any


@dataclass
class Place:
    """A folder with kubeconfigs, and the servers that they may name. `other` is a second plain one."""

    folder: Path
    plain: Hearing
    other: Hearing
    secure: Hearing
    proxy: Hearing
    authority: Authority
    heard: list[Heard]
    environment: dict[str, str] = field(default_factory=dict)
    context: str | None = None

    def write(self, name: str, **said: Json) -> str:
        """A file of the folder."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(json.dumps(said))
        return str(self.folder / name)

    def use(self, *files: str) -> None:
        """Those are what KUBECONFIG lists."""
        self.environment["KUBECONFIG"] = ":".join(files)

    def one(self, cluster: Json, user: Json | None = None, context: Json | None = None) -> None:
        """A kubeconfig of one cluster and one user is what KUBECONFIG lists; `context` is what else it says."""
        self.use(self.write("config", **one(cluster, user or {}, context=context)))

    def trusting(self, **more: Json) -> Json:
        """The cluster that speaks TLS, trusted as it should be."""
        data = b64encode(self.authority.certificate).decode()
        return {
            "server": self.secure.url,
            "certificate-authority-data": data,
            "tls-server-name": SERVER_NAME,
        } | more

    def plugin(self, printed: Json, name: str = "plugin") -> str:
        """A program that prints this, and notes below `.told` what it was told."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        told = self.folder / "told"
        path.write_text(
            f"#!{sys.executable}\nimport json, os\n"
            f"open({str(told)!r}, 'a').write(os.environ['KUBERNETES_EXEC_INFO'] + chr(10))\n"
            f"print({json.dumps(printed)!r})\n"
        )
        path.chmod(0o755)
        return str(path)

    def told(self) -> list[Json]:
        """What the plugin was told, each time."""
        told = self.folder / "told"
        found = [json.loads(line) for line in told.read_text().splitlines() if line] if told.exists() else []
        told.unlink(missing_ok=True)
        return found


def one(cluster: Json, user: Json, name: str = "c", context: Json | None = None) -> Json:
    """A kubeconfig of one of each, all called `name`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name} | (context or {})}],
    }


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "of")


@pytest.fixture(scope="module")
def server_side(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = tmp_path_factory.mktemp("server") / "pair"
    pair.write_bytes(b"\n".join(authority.issue("server", "machine")))
    context.load_cert_chain(pair)
    context.load_verify_locations(cadata=authority.certificate.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def place(tmp_path: Path, authority: Authority, server_side: ssl.SSLContext) -> Iterator[Place]:
    heard: list[Heard] = []
    with (
        hearing("plain", heard) as plain,
        hearing("other", heard) as other,
        hearing("secure", heard, server_side) as secure,
        hearing("proxy", heard) as proxy,
    ):
        yield Place(tmp_path, plain, other, secure, proxy, authority, heard)


@pytest.fixture(scope="module")
def programs() -> dict[str, Path]:
    return binaries.require()


@dataclass(frozen=True)
class Asked:
    """What came of asking for the version: what servers heard, or why nobody was asked."""

    heard: tuple[Heard, ...]
    refused: str = ""


def by_kubectl(place: Place, kubectl: Path) -> Asked:
    home = place.folder / "home"
    home.mkdir(exist_ok=True)
    runner = Kubectl(kubectl, Path(""), home)
    words = ["--context", place.context] if place.context else []
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)} | place.environment
    answer = runner.run("get", "--raw", "/version", *words, environment=environment, folder=place.folder)
    return _asked(place, "" if answer.code == 0 else answer.err)


async def by_the_controller(place: Place) -> Asked:
    """As it asks; it takes no context by name, so another file's context is the current one."""
    try:
        api = await KubeApi.connect()
        try:
            await api.request("GET", "/version")
        finally:
            await api.close()
    except (NoCluster, ClusterError, ClusterUnreachable) as refused:
        return _asked(place, str(refused))
    return _asked(place, "")


def by_the_command_line(place: Place) -> Asked:
    try:
        Api.connect(place.context).get("/version")
    except CommandFailed as refused:
        return _asked(place, str(refused))
    return _asked(place, "")


def _asked(place: Place, refused: str) -> Asked:
    heard = tuple(place.heard)
    place.heard.clear()
    assert "Traceback" not in refused
    return Asked(heard, refused)


Case = Callable[[Place], None]

GOES: list[Case] = []
REFUSED: list[Case] = []


def goes(case: Case) -> Case:
    """A kubeconfig that leads somewhere."""
    GOES.append(case)
    return case


def refused(case: Case) -> Case:
    """A kubeconfig that leads nowhere."""
    REFUSED.append(case)
    return case


def _plain(place: Place, **more: Json) -> Json:
    return {"server": place.plain.url} | more


@goes
def several_files_first_context(place: Place) -> None:
    first = place.write("first", **one({"server": place.plain.url}, {}, "a"))
    place.use(first, place.write("second", **one({"server": place.other.url}, {}, "b")))


@goes
def several_files_one_name(place: Place) -> None:
    first = place.write("first", **one({"server": place.plain.url}, {}, "a"))
    place.use(first, place.write("second", **one({"server": place.other.url}, {}, "a")))


@goes
def several_files_a_context_by_name(place: Place) -> None:
    several_files_first_context(place)
    place.context = "b"


@goes
def several_files_the_second_completes(place: Place) -> None:
    first = place.write("first", **{"current-context": "a"})
    place.use(first, place.write("second", **one({"server": place.other.url}, {}, "a")))


@refused
def several_files_half_an_entry(place: Place) -> None:
    first = place.write("first", clusters=[{"name": "a", "cluster": {"tls-server-name": "x"}}])
    place.use(first, place.write("second", **one({"server": place.other.url}, {}, "a")))


@goes
def several_files_missing_and_empty(place: Place) -> None:
    (place.folder / "empty").touch()
    (place.folder / "comment").write_text("# nothing\n")
    (place.folder / "null").write_text("null")
    files = [str(place.folder / name) for name in ("none", "empty", "comment", "null")]
    place.use(*files, "", place.write("last", **one({"server": place.plain.url}, {})))


@goes
def several_files_twice_the_same(place: Place) -> None:
    place.one(_plain(place))
    place.use(place.environment["KUBECONFIG"], place.environment["KUBECONFIG"])


@goes
def a_file_named_relatively(place: Place) -> None:
    place.one(_plain(place))
    place.use("config")


@goes
def the_file_below_home(place: Place) -> None:
    (place.folder / "home").mkdir()
    place.write("home/.kube/config", **one(_plain(place), {}))


@goes
def an_empty_variable(place: Place) -> None:
    the_file_below_home(place)
    place.use("")


@goes
def below_a_path(place: Place) -> None:
    place.one({"server": f"{place.plain.url}/k8s/clusters/c-1/"})


@goes
def below_a_path_with_a_query(place: Place) -> None:
    place.one({"server": f"{place.plain.url}/k8s?x=1#y"})


@goes
def a_host_and_a_port(place: Place) -> None:
    place.one({"server": place.plain.url.removeprefix("http://")})


@goes
def a_host_and_a_port_and_no_tls_whatever_it_says(place: Place) -> None:
    cluster = {"server": place.plain.url.removeprefix("http://"), "insecure-skip-tls-verify": True}
    place.one(cluster, {"token": "t"})


@goes
def a_server_from_the_environment(place: Place) -> None:
    place.environment |= {"KUBECONFIG": "/nowhere", "KUBERNETES_MASTER": f"{place.plain.url}/m"}


@goes
def over_plain_http_no_token(place: Place) -> None:
    place.one(_plain(place), {"token": "t"})


@goes
def over_plain_http_for_somebody_else(place: Place) -> None:
    place.one(_plain(place), {"token": "t", "as": "somebody"})


@goes
def a_name_in_the_url(place: Place) -> None:
    place.one({"server": place.plain.url.replace("//", "//me:secret@")})


@goes
def a_user_that_is_missing(place: Place) -> None:
    place.one(_plain(place), context={"user": "nobody"})


@goes
def nulls(place: Place) -> None:
    place.one(_plain(place) | {"certificate-authority": None, "extensions": None}, {"token": None, "exec": None})


@goes
def unknown_fields(place: Place) -> None:
    place.one(_plain(place) | {"x": 1}, {"y": 2})
    place.use(place.write("config", **one(_plain(place), {}), z=3, preferences={"colors": True}))


@goes
def a_date_for_a_token(place: Place) -> None:
    content = json.dumps(one(place.trusting(), {"token": "T"})).replace('"T"', "2024-01-01")
    (place.folder / "config").write_text(content)
    place.use(str(place.folder / "config"))


@goes
def a_second_document(place: Place) -> None:
    (place.folder / "config").write_text(json.dumps(one(_plain(place), {})) + "\n---\n{}\n")
    place.use(str(place.folder / "config"))


@goes
def a_token(place: Place) -> None:
    place.one(place.trusting(), {"token": "t"})


@goes
def a_token_file_beside_it(place: Place) -> None:
    (place.folder / "token").write_text(" from-the-file \n")
    place.one(place.trusting(), {"tokenFile": "token"})


@goes
def a_token_file_and_a_token(place: Place) -> None:
    (place.folder / "token").write_text("from-the-file")
    place.one(place.trusting(), {"token": "t", "tokenFile": "token"})


@goes
def a_token_file_that_is_gone_and_a_token(place: Place) -> None:
    place.one(place.trusting(), {"token": "t", "tokenFile": "token"})


@goes
def a_password(place: Place) -> None:
    place.one(place.trusting(), {"username": "me", "password": "secret"})


@goes
def insecure(place: Place) -> None:
    place.one({"server": place.secure.url, "insecure-skip-tls-verify": True}, {"token": "t"})


@goes
def an_authority_in_a_file(place: Place) -> None:
    (place.folder / "sub").mkdir()
    (place.folder / "sub" / "ca").write_bytes(place.authority.certificate)
    cluster = {"server": place.secure.url, "certificate-authority": "ca", "tls-server-name": SERVER_NAME}
    place.use(place.write("sub/config", **one(cluster, {"token": "t"})))


@goes
def an_authority_in_a_file_below_a_tilde(place: Place) -> None:
    (place.folder / "~").mkdir()
    (place.folder / "~" / "ca").write_bytes(place.authority.certificate)
    place.one(
        {"server": place.secure.url, "certificate-authority": "~/ca", "tls-server-name": SERVER_NAME}, {"token": "t"}
    )


@goes
def a_certificate(place: Place) -> None:
    certificate, key = (b64encode(each).decode() for each in place.authority.issue("me"))
    place.one(place.trusting(), {"client-certificate-data": certificate, "client-key-data": key})


@goes
def a_certificate_in_files(place: Place) -> None:
    for name, content in zip(("crt", "key"), place.authority.issue("me"), strict=True):
        (place.folder / name).write_bytes(content)
    place.one(place.trusting(), {"client-certificate": "crt", "client-key": "key"})


@goes
def a_certificate_and_a_token(place: Place) -> None:
    a_certificate(place)
    certificate, key = (b64encode(each).decode() for each in place.authority.issue("me"))
    place.one(place.trusting(), {"client-certificate-data": certificate, "client-key-data": key, "token": "t"})


@goes
def somebody_else(place: Place) -> None:
    extra = {"as-user-extra": {"reason": ["why", "not"]}}
    place.one(place.trusting(), {"token": "t", "as": "you", "as-uid": "7", "as-groups": ["g", "h"]} | extra)


@goes
def without_compression(place: Place) -> None:
    place.one(_plain(place) | {"disable-compression": True})


def _exec(command: str, version: str = "v1", **more: Json) -> Json:
    said = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": command, "interactiveMode": "Never"}
    return {"exec": said | more}


def _credential(version: str = "v1", **status: Json) -> Json:
    return {"kind": "ExecCredential", "apiVersion": f"client.authentication.k8s.io/{version}", "status": status}


@goes
def a_plugin(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential(token="p"))))


@goes
def a_plugin_of_v1beta1_without_a_mode(place: Place) -> None:
    user = _exec(place.plugin(_credential("v1beta1", token="p")), "v1beta1")
    del user["exec"]["interactiveMode"]
    place.one(place.trusting(), user)


@goes
def a_plugin_beside_the_file(place: Place) -> None:
    place.plugin(_credential(token="p"), "sub/plugin")
    place.use(place.write("sub/config", **one(place.trusting(), _exec("./plugin"))))


@goes
def a_plugin_on_the_path(place: Place) -> None:
    place.plugin(_credential(token="p"), "bin/my-plugin")
    place.environment["PATH"] = f"{place.folder / 'bin'}:{os.environ['PATH']}"
    place.one(place.trusting(), _exec("my-plugin"))


@goes
def a_plugin_that_gives_a_certificate(place: Place) -> None:
    certificate, key = (each.decode() for each in place.authority.issue("me"))
    printed = _credential(clientCertificateData=certificate, clientKeyData=key)
    place.one(place.trusting(), _exec(place.plugin(printed)))


@goes
def a_plugin_that_is_told_of_the_cluster(place: Place) -> None:
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    user = _exec(place.plugin(_credential(token="p")), provideClusterInfo=True, args=["a"])
    place.one(place.trusting(extensions=[extension]), user)


@goes
def a_plugin_and_a_token(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential(token="p"))) | {"token": "t"})


@goes
def a_proxy_for_plain_http(place: Place) -> None:
    place.one({"server": "http://cluster.test/k8s", "proxy-url": place.proxy.url})


@goes
def a_proxy_with_a_password(place: Place) -> None:
    place.one(place.trusting(**{"proxy-url": place.proxy.url.replace("//", "//me:secret@")}), {"token": "t"})


@goes
def a_proxy_that_is_reached_by_tls_for_tls(place: Place) -> None:
    data = b64encode(place.authority.certificate).decode()
    cluster = {"server": place.secure.url, "certificate-authority-data": data, "proxy-url": place.secure.url}
    place.one(cluster, {"token": "t"})


@goes
def a_proxy_for_tls(place: Place) -> None:
    place.one(place.trusting(**{"proxy-url": place.proxy.url}), {"token": "t"})


@goes
def a_proxy_from_the_environment(place: Place) -> None:
    place.environment["HTTP_PROXY"] = place.proxy.url.removeprefix("http://")
    place.one({"server": "http://cluster.test"})


@goes
def a_proxy_from_the_environment_in_small_letters(place: Place) -> None:
    place.environment["http_proxy"] = place.proxy.url
    place.one({"server": "http://cluster.test"})


@goes
def a_proxy_that_is_not_for_this_machine(place: Place) -> None:
    place.environment["HTTP_PROXY"] = place.proxy.url
    place.one(_plain(place))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[Place], None]:
    """Put ourselves into the environment that kubectl was in."""

    def enter(place: Place) -> None:
        for name in list(os.environ):
            if name.startswith("KUBE") or name.lower().endswith("_proxy"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(place.folder / "home"))
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(place.folder)

    return enter


@pytest.mark.parametrize("case", GOES, ids=lambda case: case.__name__)
async def test_we_go_where_kubectl_goes_and_as_whom(case: Any, place: Any, programs: Any, environment: Any) -> None:
    case(place)
    kubectl, told = by_kubectl(place, programs["kubectl"]), place.told()
    assert kubectl.heard and not kubectl.refused
    environment(place)
    assert by_the_command_line(place) == kubectl
    assert place.told() == told
    if place.context is None:
        assert await by_the_controller(place) == kubectl
        assert place.told() == told


@refused
def no_file(place: Place) -> None:
    place.use("/nowhere")


@refused
def no_context(place: Place) -> None:
    place.use(place.write("config", **one(_plain(place), {}) | {"current-context": ""}))


@refused
def a_context_that_is_not_there(place: Place) -> None:
    place.use(place.write("config", **one(_plain(place), {}) | {"current-context": "x"}))


@refused
def a_named_context_that_is_not_there(place: Place) -> None:
    place.one(_plain(place))
    place.context = "x"


@refused
def a_cluster_that_is_not_there(place: Place) -> None:
    place.one(_plain(place), context={"cluster": "x"})


@refused
def no_server(place: Place) -> None:
    place.one({"insecure-skip-tls-verify": True})


@refused
def a_host_and_a_path(place: Place) -> None:
    place.one({"server": place.plain.url.removeprefix("http://") + "/k8s"})


@refused
def a_list(place: Place) -> None:
    _write(place, "[]")


@refused
def no_yaml(place: Place) -> None:
    _write(place, "a: [")


@refused
def another_kind(place: Place) -> None:
    place.use(place.write("config", **one(_plain(place), {}) | {"kind": "Pod"}))


@refused
def one_name_twice(place: Place) -> None:
    said = one(_plain(place), {})
    place.use(place.write("config", **said | {"clusters": said["clusters"] * 2}))


@refused
def a_number_for_a_token(place: Place) -> None:
    place.one(_plain(place), {"token": 7})


@refused
def no_base64(place: Place) -> None:
    place.one(_plain(place) | {"certificate-authority-data": "%%"})


@refused
def a_folder_for_a_file(place: Place) -> None:
    place.use(str(place.folder))


@refused
def a_broken_file_before_a_good_one(place: Place) -> None:
    _write(place, "a: [")
    broken = place.environment["KUBECONFIG"]
    place.use(broken, place.write("good", **one(_plain(place), {})))


@refused
def an_authority_that_is_none(place: Place) -> None:
    place.one(place.trusting(**{"certificate-authority-data": b64encode(b"none").decode()}))


@refused
def an_authority_that_is_gone(place: Place) -> None:
    place.one({"server": place.secure.url, "certificate-authority": "gone"})


@refused
def an_authority_and_none(place: Place) -> None:
    place.one(place.trusting(**{"insecure-skip-tls-verify": True}))


@refused
def another_authority(place: Place) -> None:
    place.one({"server": place.secure.url}, {"token": "t"})


@refused
def another_server_name(place: Place) -> None:
    place.one(place.trusting(**{"tls-server-name": "else"}), {"token": "t"})


@refused
def a_certificate_without_a_key(place: Place) -> None:
    place.one(place.trusting(), {"client-certificate-data": b64encode(place.authority.certificate).decode()})


@refused
def a_certificate_with_another_key(place: Place) -> None:
    certificate, key = place.authority.issue("me")[0], place.authority.issue("you")[1]
    user = {"client-certificate-data": b64encode(certificate).decode(), "client-key-data": b64encode(key).decode()}
    place.one(place.trusting(), user)


@refused
def a_key_under_a_password(place: Place) -> None:
    certificate, key = place.authority.issue("me")
    key = place.authority.encrypt(key)
    user = {"client-certificate-data": b64encode(certificate).decode(), "client-key-data": b64encode(key).decode()}
    place.one(place.trusting(), user)


@refused
def a_token_file_that_is_gone(place: Place) -> None:
    place.one(place.trusting(), {"tokenFile": "gone"})


@refused
def a_token_and_a_password(place: Place) -> None:
    place.one(place.trusting(), {"token": "t", "username": "me", "password": "secret"})


@refused
def groups_of_nobody(place: Place) -> None:
    place.one(place.trusting(), {"token": "t", "as-groups": ["g"]})


@refused
def an_auth_provider(place: Place) -> None:
    place.one(place.trusting(), {"auth-provider": {"name": "gcp"}})


@refused
def a_plugin_of_v1alpha1(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential("v1alpha1", token="p")), "v1alpha1"))


@refused
def a_plugin_of_v1_without_a_mode(place: Place) -> None:
    user = _exec(place.plugin(_credential(token="p")))
    del user["exec"]["interactiveMode"]
    place.one(place.trusting(), user)


@refused
def a_plugin_that_must_ask(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential(token="p")), interactiveMode="Always"))


@refused
def a_plugin_that_is_not_there(place: Place) -> None:
    place.one(place.trusting(), _exec("/nowhere/plugin", installHint="get it there"))


@refused
def a_plugin_that_fails(place: Place) -> None:
    place.one(place.trusting(), _exec("false"))


@refused
def a_plugin_that_prints_nothing(place: Place) -> None:
    place.one(place.trusting(), _exec("true"))


@refused
def a_plugin_that_prints_another_version(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential("v1beta1", token="p"))))


@refused
def a_plugin_that_gives_nothing(place: Place) -> None:
    place.one(place.trusting(), _exec(place.plugin(_credential())))


@refused
def a_plugin_without_a_command(place: Place) -> None:
    place.one(place.trusting(), _exec(""))


@refused
def a_proxy_that_is_no_url(place: Place) -> None:
    place.one(_plain(place) | {"proxy-url": "nonsense"})


@refused
def a_proxy_that_is_not_there(place: Place) -> None:
    place.one(_plain(place) | {"proxy-url": "http://127.0.0.1:1"})


@refused
def a_proxy_of_an_unknown_kind(place: Place) -> None:
    place.one(_plain(place) | {"proxy-url": "ftp://127.0.0.1:1"})


def _write(place: Place, content: str) -> None:
    (place.folder / "config").write_text(content)
    place.use(str(place.folder / "config"))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.__name__)
async def test_what_kubectl_cannot_use_we_refuse_in_a_sentence(
    case: Any, place: Any, programs: Any, environment: Any
) -> None:
    case(place)
    kubectl = by_kubectl(place, programs["kubectl"])
    assert kubectl.refused and not kubectl.heard
    environment(place)
    for ours in (by_the_command_line(place), await by_the_controller(place)):
        if place.context is None:
            assert ours.refused and not ours.heard
            assert "\n" not in ours.refused and len(ours.refused) < 600
