"""Programs that need a closer look: what they do depends on what they are told."""

from __future__ import annotations

import re
from itertools import pairwise

from controller.agents.judgement.verdicts import UNKNOWN, Judgement, Look, Rule, Words, changes, destroys, reads


def _plain(words: Words, takes_value: frozenset[str] = frozenset()) -> list[str]:
    """The words that are no options; of `takes_value`, the value goes too."""
    plain, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            skip = word in takes_value
        else:
            plain.append(word)
    return plain


KUBECTL_VALUES = frozenset(
    [
        "-n",
        "--namespace",
        "--context",
        "--kubeconfig",
        "-s",
        "--server",
        "--as",
        "--user",
        "--cluster",
        "--token",
        "-l",
        "--selector",
        "-f",
        "--filename",
        "-c",
        "--container",
        "-o",
        "--output",
        "--field-selector",
        "--request-timeout",
        "--since",
        "--tail",
        "--timeout",
        "--grace-period",
        "--type",
        "-p",
        "--patch",
        "--for",
        "--replicas",
    ]
)
KUBECTL_READS = frozenset(
    [
        "get",
        "describe",
        "logs",
        "log",
        "top",
        "explain",
        "api-resources",
        "api-versions",
        "cluster-info",
        "version",
        "wait",
        "diff",
        "events",
        "port-forward",
        "proxy",
        "auth",
        "config",
        "completion",
        "options",
        "kustomize",
        "plugin",
    ]
)
KUBECTL_DESTROYS = {"delete": "deletes objects", "drain": "drives pods off a node", "replace": "replaces objects"}
KUBECTL_CHANGES = frozenset(
    [
        "apply",
        "create",
        "patch",
        "edit",
        "scale",
        "autoscale",
        "label",
        "annotate",
        "set",
        "rollout",
        "expose",
        "run",
        "cordon",
        "uncordon",
        "taint",
        "cp",
        "attach",
        "debug",
        "certificate",
    ]
)


def _kubectl(words: Words, look: Look) -> Judgement:
    command, inner = list(words), []
    if "--" in command:
        cut = command.index("--")
        command, inner = command[:cut], command[cut + 1 :]
    plain = _plain(command, KUBECTL_VALUES)
    if any(word.startswith("--dry-run") for word in command) and "--dry-run=none" not in command:
        return reads("kubectl only tries it")
    verb = plain[0] if plain else ""
    if verb == "exec":
        inside = inner or plain[2:]
        return look.words(inside) if inside else changes("kubectl exec opens a shell")
    if verb == "rollout" and plain[1:2] and plain[1] in ("status", "history"):
        return reads("kubectl rollout only looks")
    if verb in KUBECTL_DESTROYS:
        return destroys(f"kubectl {verb} {KUBECTL_DESTROYS[verb]}")
    if verb == "scale" and _scaled_to_nothing(command):
        return destroys("kubectl scale to none")
    if verb in KUBECTL_CHANGES:
        return changes(f"kubectl {verb} changes objects")
    return reads(f"kubectl {verb} only reads") if verb in KUBECTL_READS or not verb else UNKNOWN


def _scaled_to_nothing(words: Words) -> bool:
    return "--replicas=0" in words or any(pair == ("--replicas", "0") for pair in pairwise(words))


def _curl(words: Words, look: Look) -> Judgement:
    method, body = "", False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-X", "--request"):
            method = following.upper()
        elif word.startswith(("-X", "--request=")):
            method = word.removeprefix("--request=").removeprefix("-X").upper()
        elif word.startswith(("-d", "--data", "--json", "-F", "--form", "-T", "--upload-file")):
            body = True
    method = method or ("POST" if body else "GET")
    if method == "DELETE":
        return destroys("HTTP DELETE")
    return reads(f"HTTP {method} only reads") if method in ("GET", "HEAD", "OPTIONS") else changes(f"HTTP {method}")


def _wget(words: Words, look: Look) -> Judgement:
    posts = any(word.startswith(("--post", "--body", "--method")) for word in words)
    return changes("HTTP with a body") if posts else reads("HTTP GET only reads")


PD_DESTROYS = (
    ("store", "delete"),
    ("store", "remove-tombstone"),
    ("member", "delete"),
    ("unsafe", "remove-failed-stores"),
    ("operator", "add", "remove-peer"),
)
PD_READS = frozenset(
    ["show", "list", "query", "check", "status", "cluster", "health", "region", "ping", "version", "hot", "scan"]
)


def _pd_ctl(words: Words, look: Look) -> Judgement:
    plain = _plain(words, frozenset({"-u", "--pd", "--cacert", "--cert", "--key"}))
    if any(tuple(plain[: len(bad)]) == bad for bad in PD_DESTROYS):
        return destroys(f"pd-ctl {' '.join(plain[:2])}")
    if len(plain) <= 1 or plain[1] in PD_READS or plain[0] in ("region", "hot", "health", "cluster", "ping"):
        return reads("pd-ctl only reads")
    return (
        reads("pd-ctl only reads")
        if plain[0] == "store" and plain[1].isdigit() and len(plain) == 2
        else changes(f"pd-ctl {' '.join(plain[:2])}")
    )


TIKV_CTL_DESTROYS = frozenset(["recover-mvcc", "unsafe-recover", "tombstone", "recreate-region", "bad-regions-remove"])
TIKV_CTL_CHANGES = frozenset(["compact", "compact-cluster", "modify-tikv-config", "split-region", "consistency-check"])


def _tikv_ctl(words: Words, look: Look) -> Judgement:
    for word in words:
        if word in TIKV_CTL_DESTROYS:
            return destroys(f"tikv-ctl {word}")
        if word in TIKV_CTL_CHANGES:
            return changes(f"tikv-ctl {word}")
    return reads("tikv-ctl only reads")


def _etcdctl(words: Words, look: Look) -> Judgement:
    plain = _plain(words, frozenset({"--endpoints", "--cacert", "--cert", "--key", "--user", "-w", "--write-out"}))
    two = tuple(plain[:2])
    if plain[:1] == ["del"] or two in (("member", "remove"), ("snapshot", "restore"), ("lease", "revoke")):
        return destroys(f"etcdctl {' '.join(two)}")
    reading = plain[:1] in (["get"], ["watch"], ["version"], ["check"]) or two[1:] in (
        ("list",),
        ("status",),
        ("health",),
    )
    return reads("etcdctl only reads") if reading or not plain else changes(f"etcdctl {' '.join(two)}")


def _container(words: Words, look: Look) -> Judgement:
    plain = _plain(words, frozenset({"-n", "--namespace", "-H", "--host", "-f", "--file", "-p"}))
    if plain[:1] == ["compose"]:
        plain = plain[1:]
    if plain[:1] == ["container"]:
        plain = plain[1:]
    verb = plain[0] if plain else ""
    if verb == "exec":
        return look.words(plain[2:])
    if verb in ("kill", "rm", "rmi", "stop", "down", "prune", "pause", "system"):
        return destroys(f"takes containers down ({verb})")
    if verb in ("ps", "logs", "inspect", "images", "stats", "top", "info", "version", "events", "ls", "port", "config"):
        return reads("only looks at containers")
    return changes(f"changes containers ({verb})") if verb else reads("nothing")


def _systemctl(words: Words, look: Look) -> Judgement:
    verb = next(iter(_plain(words)), "status")
    if verb in ("stop", "kill", "disable", "mask", "isolate", "poweroff", "reboot"):
        return destroys(f"takes a service down ({verb})")
    looks = verb in ("status", "show", "cat") or verb.startswith(("is-", "list-"))
    return reads("only looks at services") if looks else changes(f"changes a service ({verb})")


def _shell(words: Words, look: Look) -> Judgement:
    for word, following in pairwise(words):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            return look.line(following)
    return UNKNOWN


def _ssh(words: Words, look: Look) -> Judgement:
    inside = _plain(words, frozenset({"-i", "-p", "-l", "-o", "-F", "-J"}))[1:]
    return look.line(" ".join(inside)) if inside else UNKNOWN


def _skipping(plain_words: int) -> Rule:
    """For programs that run another one, after so many words of their own."""
    return lambda words, look: look.words(_from_plain(words, plain_words))


def _from_plain(words: Words, skip: int) -> Words:
    for position, word in enumerate(words):
        if not word.startswith("-"):
            if skip == 0:
                return words[position:]
            skip -= 1
    return ()


def _sed(words: Words, look: Look) -> Judgement:
    in_place = any(word.startswith(("-i", "--in-place")) for word in words)
    return changes("sed writes the file") if in_place else reads("sed only reads")


def _find(words: Words, look: Look) -> Judgement:
    if "-delete" in words:
        return destroys("find removes files")
    for flag in ("-exec", "-execdir", "-ok"):
        if flag in words:
            return look.words(words[list(words).index(flag) + 1 :])
    return reads("find only reads")


def _helm(words: Words, look: Look) -> Judgement:
    verb = next(iter(_plain(words, frozenset({"-n", "--namespace", "-f", "--values"}))), "")
    if verb in ("uninstall", "delete", "rollback"):
        return destroys(f"helm {verb}")
    return changes(f"helm {verb}") if verb in ("install", "upgrade") else reads("helm only reads")


RULES: dict[str, Rule] = {
    "kubectl": _kubectl,
    "oc": _kubectl,
    "k": _kubectl,
    "curl": _curl,
    "wget": _wget,
    "pd-ctl": _pd_ctl,
    "tikv-ctl": _tikv_ctl,
    "etcdctl": _etcdctl,
    "docker": _container,
    "podman": _container,
    "nerdctl": _container,
    "crictl": _container,
    "docker-compose": _container,
    "systemctl": _systemctl,
    "sh": _shell,
    "bash": _shell,
    "zsh": _shell,
    "dash": _shell,
    "ash": _shell,
    "ssh": _ssh,
    "timeout": _skipping(1),
    "watch": _skipping(0),
    "xargs": _skipping(0),
    "env": lambda words, look: look.words(words) if words else reads("env only reads"),
    "sed": _sed,
    "find": _find,
    "helm": _helm,
}
