"""Finds, parses and merges kubeconfig files, as kubectl (client-go's `clientcmd`) does.

The first of several files that has an entry wins, with that whole entry; missing and empty files are skipped; paths are
relative to their file; `~` has no special meaning.
"""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from controller.connection.values import NoCluster
from controller.validation import describe_invalid

MAX_BYTES = 16 << 20
"""The limit of one file. Real ones have some kilobytes; the largest, with a thousand clusters, a few megabytes."""


MAX_LEVELS = 64
"""The limit of nested lists and maps. Real files have seven, plus those of their extensions."""


def _decoded(value: Any) -> Any:
    """Decodes base64 as Go does: only its alphabet and line breaks are allowed."""
    if not isinstance(value, str):
        return value
    return b64decode(value.replace("\r", "").replace("\n", "").encode(), validate=True)


Base64 = Annotated[bytes, BeforeValidator(_decoded)]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


class _Entry(BaseModel):
    """An entry of a kubeconfig: names have dashes, null means absent, and unknown fields are ignored."""

    model_config = ConfigDict(
        alias_generator=_dashed, strict=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if value is None:
            return {}
        return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


class Extension(_Entry):
    """An extension, which another program wrote."""

    name: str = ""
    extension: Any = None


class ClusterEntry(_Entry):
    """`clusters[].cluster`."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: Base64 = b""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: list[Extension] = []


class ExecVariable(_Entry):
    """`exec.env[]`."""

    name: str = ""
    value: str = ""


class Exec(_Entry):
    """`users[].user.exec`."""

    model_config = ConfigDict(alias_generator=to_camel)

    command: str = ""
    args: list[str] = []
    env: list[ExecVariable] = []
    api_version: str = ""
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""


class AuthProvider(_Entry):
    """`users[].user.auth-provider`."""

    name: str = ""


class User(_Entry):
    """`users[].user`."""

    client_certificate: str = ""
    client_certificate_data: Base64 = b""
    client_key: str = ""
    client_key_data: Base64 = b""
    token: str = ""
    token_file: str = Field("", alias="tokenFile")
    act_as: str = Field("", alias="as")
    act_as_uid: str = Field("", alias="as-uid")
    act_as_groups: list[str] = Field([], alias="as-groups")
    act_as_extra: dict[str, list[str]] = Field({}, alias="as-user-extra")
    username: str = ""
    password: str = ""
    auth_provider: AuthProvider | None = None
    exec: Exec | None = None


class Context(_Entry):
    """`contexts[].context`."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(_Entry):
    name: str = ""
    cluster: ClusterEntry = ClusterEntry()


class _NamedUser(_Entry):
    name: str = ""
    user: User = User()


class _NamedContext(_Entry):
    name: str = ""
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The content of one file, or of several, merged. Every path in it is absolute."""

    current_context: str = ""
    clusters: Mapping[str, ClusterEntry] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, Context] = field(default_factory=dict)


class _File(_Entry):
    api_version: str = Field("v1", alias="apiVersion")
    kind: str = "Config"
    current_context: str = ""
    clusters: list[_NamedCluster] = []
    users: list[_NamedUser] = []
    contexts: list[_NamedContext] = []


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML as Go does: a value that looks like a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def kubeconfig_files(environment: Mapping[str, str]) -> list[Path]:
    """The files that kubectl would read: those of KUBECONFIG, else the one below HOME. They may not exist."""
    if listed := environment.get("KUBECONFIG", ""):
        return [Path(name) for name in dict.fromkeys(listed.split(os.pathsep)) if name]
    return [Path(environment.get("HOME", ""), ".kube", "config")]


def load(files: Iterable[Path]) -> Kubeconfig:
    """Returns the merged content of the files that exist. Raises NoCluster where one of them is invalid."""
    read: list[Kubeconfig] = []
    for file in files:
        try:
            read.append(parse(_content(file), file))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            why = getattr(error, "strerror", None) or str(error)
            raise NoCluster(f"the kubeconfig {printable_path(file)} cannot be read: {why}") from None
    return merge(read)


def load_required(file: Path) -> Kubeconfig:
    """Returns the content of this file. Raises NoCluster where it is invalid or does not exist."""
    try:
        file.stat()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NoCluster(f"the kubeconfig {printable_path(file)} cannot be read: {why}") from None
    return load([file])


def parse(content: bytes, file: Path) -> Kubeconfig:
    """Returns the parsed content of a file. Raises NoCluster. Pure."""

    def invalid(problem: str) -> NoCluster:
        return NoCluster(f"the kubeconfig {printable_path(file)} makes no sense: {problem}")

    if not content:
        return Kubeconfig()
    try:
        text = content.decode()
        _refuse_depth(text)
        found = _File.model_validate(next(yaml.load_all(text, _Loader), None))
    except UnicodeDecodeError:
        raise invalid("it is no text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise invalid(
            f"it is no YAML: {getattr(error, 'problem', None) or 'a character is not allowed'}{where}"
        ) from None
    except ValidationError as error:
        raise invalid(describe_invalid(error, "the whole")) from None
    except (RecursionError, ValueError, TypeError, OverflowError) as error:
        # Numbers and keys that YAML allows and Python does not.
        raise invalid(f"it is no YAML that can be read ({type(error).__name__})") from None
    if (found.api_version, found.kind) != ("v1", "Config"):
        raise invalid(f"it is a {found.kind!r} of {found.api_version!r}, not a Config of v1")
    try:
        return Kubeconfig(
            found.current_context,
            _by_name(found.clusters, lambda each: _cluster_at(each.cluster, file)),
            _by_name(found.users, lambda each: _user_at(each.user, file)),
            _by_name(found.contexts, lambda each: each.context),
        )
    except _Duplicate as duplicate:
        raise invalid(f"{duplicate} is in it twice") from None


def _refuse_depth(text: str) -> None:
    """Raises ValueError for deep nesting, on which libyaml recurses without a limit and crashes the process."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_LEVELS:
                raise ValueError
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentEndEvent):
            return


def merge(configs: Iterable[Kubeconfig]) -> Kubeconfig:
    """Merges kubeconfigs: of an entry in several, the first one is taken. Pure."""
    merged = Kubeconfig()
    for each in configs:
        merged = Kubeconfig(
            merged.current_context or each.current_context,
            {**each.clusters, **merged.clusters},
            {**each.users, **merged.users},
            {**each.contexts, **merged.contexts},
        )
    return merged


class _Duplicate(Exception):
    pass


Named = TypeVar("Named", _NamedCluster, _NamedUser, _NamedContext)
Value = TypeVar("Value")


def _by_name(entries: list[Named], value: Callable[[Named], Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for entry in entries:
        if entry.name in found:
            raise _Duplicate(repr(entry.name))
        found[entry.name] = value(entry)
    return found


def _cluster_at(cluster: ClusterEntry, file: Path) -> ClusterEntry:
    return cluster.model_copy(update={"certificate_authority": _absolute(file, cluster.certificate_authority)})


def _user_at(user: User, file: Path) -> User:
    paths: dict[str, Any] = {
        name: _absolute(file, getattr(user, name)) for name in ("client_certificate", "client_key", "token_file")
    }
    # A command without a slash is looked for on PATH.
    if user.exec is not None and os.sep in user.exec.command:
        paths["exec"] = user.exec.model_copy(update={"command": _absolute(file, user.exec.command)})
    return user.model_copy(update=paths)


def _absolute(file: Path, path: str) -> str:
    return os.path.join(os.path.abspath(file.parent), path) if path else ""


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(None, f"it is larger than {MAX_BYTES >> 20} MiB")
    return content


def printable_path(file: Path) -> str:
    """The path as one printable line, quoted where needed."""
    text = str(file)
    return text if text.isprintable() else repr(text)
