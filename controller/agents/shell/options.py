"""Programs whose effect depends on an option rather than on a verb. A rule returns None where the tables decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from controller.agents.shell.programs import Effect

EffectOfOptions = tuple[Effect, str]

_CURL_BODY = ("-d", "--data", "-F", "--form", "-T", "--upload-file", "--json")
_METHOD = re.compile(r"^(?:-[A-Za-z]*X|--request(?:=|$)|--method(?:=|$))(.*)$")
_BY_METHOD = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS"), Effect.READS),
    **dict.fromkeys(("POST", "PUT", "PATCH"), Effect.CHANGES),
    "DELETE": Effect.DESTROYS,
}


def positional(words: Sequence[str], valued: frozenset[str]) -> list[str]:
    """Returns the words that are neither options nor values of options."""
    found, rest = [], iter(words)
    for word in rest:
        if not word.startswith("-"):
            found.append(word)
        elif word in valued:
            next(rest, None)
    return found


def _http(words: Sequence[str]) -> EffectOfOptions:
    """curl, wget: by the method; without one, a body makes it POST."""
    method = None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if (named := _METHOD.match(word)) is not None:
            method = (named.group(1) or following).upper()
    if method is None:
        sends = any(word.startswith(("--post-data", "--post-file", *_CURL_BODY)) for word in words)
        reads = {"-G", "--get", "-I", "--head"} & set(words)
        method = "POST" if sends and not reads else "GET"
    effect = _BY_METHOD.get(method, Effect.CHANGES)
    return effect, f"sends {method[:20]}"


def _httpie(words: Sequence[str]) -> EffectOfOptions:
    named = next((word for word in words if word in _BY_METHOD), None)
    method = named or ("POST" if any(re.match(r"[\w.-]+:?=", word) for word in words) else "GET")
    return _BY_METHOD[method], f"sends {method}"


def _kubectl(words: Sequence[str]) -> EffectOfOptions | None:
    if any(word.startswith("--dry-run") and not word.endswith("none") for word in words):
        return Effect.READS, "--dry-run only tells"
    if "scale" in words and any(re.fullmatch(r"--replicas[= ]?0+", word) for word in _joined(words, "--replicas")):
        return Effect.DESTROYS, "scale to none destroys"
    if "replace" in words and "--force" in words:
        return Effect.DESTROYS, "replace --force destroys"
    return None


def _joined(words: Sequence[str], option: str) -> list[str]:
    """Returns the words, with `--option value` written as `--option=value`."""
    return [f"{a}={b}" if a == option else a for a, b in zip(words, [*words[1:], ""], strict=True)]


def _kill(words: Sequence[str]) -> EffectOfOptions | None:
    if set(words) & {"-0", "-l", "-L", "--list"}:
        return Effect.READS, "only asks"
    if set(words) & {"-STOP", "-CONT", "-SIGSTOP", "-SIGCONT", "-19", "-18"}:
        return Effect.CHANGES, "stops or continues a process"
    return None


def _dd(words: Sequence[str]) -> EffectOfOptions | None:
    targets = [word[3:] for word in words if word.startswith("of=")]
    return (Effect.READS, "writes nothing") if all(target == "/dev/null" for target in targets) else None


def _iptables(words: Sequence[str]) -> EffectOfOptions | None:
    if set(words) & {"-F", "--flush", "-X", "--delete-chain"}:
        return Effect.DESTROYS, "flushes rules"
    if set(words) & {"-A", "-I", "--append", "--insert"} and set(words) & {"DROP", "REJECT"}:
        return Effect.DESTROYS, "cuts connections"
    listing = set(words) & {"-L", "-S", "--list", "--list-rules", "-C", "--check", "-V", "--version"}
    if listing or any(re.fullmatch(r"-[nv]*L[nv]*|-[nv]+L[nv]*", word) for word in words):
        return Effect.READS, "lists rules"
    return None


def _if_any(
    options: str, effect: Effect, does: str, else_: EffectOfOptions | None = None
) -> Callable[[Sequence[str]], EffectOfOptions | None]:
    wanted = tuple(options.split())
    return lambda words: (effect, does) if any(word.startswith(wanted) for word in words) else else_


def _if_none(effect: Effect, does: str) -> Callable[[Sequence[str]], EffectOfOptions | None]:
    """A rule for programs that only show something when they are given options and a name alone."""
    return lambda words: (effect, does) if len(positional(words, frozenset())) <= 1 else None


def _tee(words: Sequence[str]) -> EffectOfOptions | None:
    files = positional(words, frozenset())
    harmless = all(file.startswith(("/tmp/", "/dev/", "/var/tmp/")) for file in files)
    return (Effect.READS, "writes nothing that lasts") if harmless else None


_READS_ELSE = (Effect.READS, "only reads")

RULES: dict[str, Callable[[Sequence[str]], EffectOfOptions | None]] = {
    **dict.fromkeys(("curl", "wget"), _http),
    **dict.fromkeys(("http", "https", "xh"), _httpie),
    **dict.fromkeys(("kubectl", "oc", "k"), _kubectl),
    **dict.fromkeys(("kill", "pkill", "killall"), _kill),
    **dict.fromkeys(("iptables", "ip6tables"), _iptables),
    "dd": _dd,
    "tee": _tee,
    "sed": _if_any("-i --in-place -ni -Ei -ri", Effect.CHANGES, "-i writes files", _READS_ELSE),
    "sysctl": _if_any("-w --write -p --load --system", Effect.CHANGES, "sets values", _READS_ELSE),
    "nft": _if_any("list", Effect.READS, "lists rules"),
    "mount": _if_none(Effect.READS, "alone lists mounts"),
    "ifconfig": _if_none(Effect.READS, "shows interfaces"),
    "date": _if_any("-s --set", Effect.CHANGES, "sets the clock", _READS_ELSE),
    "hostnamectl": _if_none(Effect.READS, "shows the name"),
    "timedatectl": _if_none(Effect.READS, "shows the time"),
    "crontab": _if_any("-l", Effect.READS, "lists jobs"),
    "ethtool": _if_any("-s -K -G -C -A", Effect.CHANGES, "sets an interface", _READS_ELSE),
    "apt": _if_any("list show search policy", Effect.READS, "lists packages"),
    "apt-get": _if_any("--version", Effect.READS, "tells about itself"),
    "pip": _if_any("list show freeze", Effect.READS, "lists packages"),
    "tar": _if_any("t -t tf -tf tvf --list", Effect.READS, "lists an archive"),
    "openssl": _if_any("genrsa genpkey req", Effect.CHANGES, "makes keys", _READS_ELSE),
}
