"""Kubeconfigs that nobody would write: each is used, or refused in one sentence, without a traceback or a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.connection import Connection, NoCluster, connection_from

SECRET = "hush-hush"

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *(
                "",
                "c",
                "\0",
                "a\nb",
                "https://h",
                "http://[::1",
                "https://h:x",
                "//",
                "%%",
                "~/x",
                "../..",
                "é",
                "1e999",
            ),
            *("socks5://p", "https://h:99999", "http://u:p@h", "h:1", "/dev/null", ".", "Always", "Never", "v1"),
            *("client.authentication.k8s.io/v1", "https://xn--/", "https://h\u2028", "https://[v1.a]", "http://%zz"),
        ]
    ),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(texts, each, max_size=3)),
    max_leaves=8,
)


def entries(*names: str) -> Any:
    """Objects with some of these fields, of any type or of the right one."""
    field = st.one_of(texts, st.just("c"), anything, st.just(True), st.lists(texts, max_size=2))
    return st.dictionaries(st.sampled_from(names), field, max_size=5)


clusters = entries(
    "server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority", "certificate-authority-data",
    "proxy-url", "disable-compression", "extensions",
)  # fmt: skip
execs = entries("command", "args", "env", "apiVersion", "installHint", "provideClusterInfo", "interactiveMode")
users = st.builds(
    lambda user, plugin: user | ({"exec": plugin} if plugin is not None else {}),
    entries(
        "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile", "as",
        "as-uid", "as-groups", "as-user-extra", "username", "password", "auth-provider",
    ),
    st.one_of(st.none(), execs, anything),
)  # fmt: skip


def named(kind: str, values: Any) -> Any:
    one = st.fixed_dictionaries({"name": st.one_of(st.just("c"), texts), kind: st.one_of(values, values, anything)})
    return st.one_of(st.lists(one, max_size=2), st.lists(one, max_size=2), anything)


configs = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.one_of(st.just("v1"), anything),
        "kind": st.one_of(st.just("Config"), anything),
        "current-context": st.one_of(st.just("c"), texts, anything),
        "clusters": named("cluster", clusters),
        "users": named("user", users),
        "contexts": named("context", entries("cluster", "user", "namespace")),
    },
)
likely = st.builds(
    lambda cluster, user: {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://h"} | cluster}],
        "users": [{"name": "c", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    },
    clusters,
    users,
)


def used_or_refused(content: bytes, folder: Path) -> Connection | str:
    """What comes of a kubeconfig with this content."""
    file = folder / "kubeconfig"
    file.write_bytes(content)
    try:
        return connection_from({"KUBECONFIG": str(file)})
    except NoCluster as refused:
        said = str(refused)
        assert said and "\n" not in said and SECRET not in said
        return said


@FUZZ
@given(st.one_of(configs, likely, anything))
def test_any_json(tmp_path: Path, config: Any) -> None:
    used_or_refused(json.dumps(config).encode("utf-8", "surrogatepass"), tmp_path)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, content: Any) -> None:
    used_or_refused(content, tmp_path)


@FUZZ
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@`\n\t ab1.~?<=", max_size=60))
def test_anything_that_looks_like_yaml(tmp_path: Path, content: Any) -> None:
    used_or_refused(content.encode(), tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"{a: " * 50_000,
        b"- " * 100_000,
        b"a: &a [*a]\n",
        b"a: &a {x: *a}\nclusters: *a\n",
        b"a: &a [1,1]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\nclusters: [*d,*d,*d]\n",
        b"&a [x, *a]",
        b"!!python/object/apply:os.system ['true']",
        b"? [a, b]\n: c\n",
        b"{[1]: 2}",
        b"{{}: 2}",
        b"<<: 1\n",
        b"<<: [1]\n",
        b"clusters: !!binary '%'\n",
        b"a: " + b"9" * 10_000,
        b"a: 0x" + b"f" * 10_000,
        b"a: 190:20:30\n",
        b"a: 2001-99-99\n",
        b"!!set {a, b}",
        b"!!omap [a: 1]",
        b"%YAML 9.9\n---\na: 1\n",
        b"\xef\xbb\xbfa: 1",
        b"\xff\xfea\0:\0",
        b"a: \0",
        b"\x80\x81",
        b"a: '" + b"x" * (17 << 20) + b"'",
        f"users: [{{name: u, user: {{token: {SECRET}, exec: [{SECRET}], password: 7}}}}]".encode(),
        f"users: [{{name: u, user: {{token: [{SECRET}]}}}}]".encode(),
        f"users: {SECRET}: {SECRET}:".encode(),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_made_to_hurt(tmp_path: Path, content: Any) -> None:
    used_or_refused(content, tmp_path)


@pytest.mark.parametrize("name", ["\0", "a\0b", "x" * 5000, "/dev/null/x", "\n", "\ud83d"])
def test_names_that_are_none(name: Any) -> None:
    with pytest.raises(NoCluster) as refused:
        connection_from({"KUBECONFIG": name})
    assert "\n" not in str(refused.value)
    with pytest.raises(NoCluster):
        connection_from({}, kubeconfig=Path(name))


@FUZZ
@given(st.dictionaries(st.sampled_from(["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KUBERNETES_MASTER"]), texts))
def test_any_environment(tmp_path: Path, environment: Any) -> None:
    try:
        connection_from({"HOME": str(tmp_path)} | environment)
    except NoCluster as refused:
        assert "\n" not in str(refused)
