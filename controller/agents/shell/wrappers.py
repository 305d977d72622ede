"""Unwraps commands that run other commands: sudo, xargs, ssh, kubectl exec and others."""

from __future__ import annotations

from collections.abc import Sequence

from controller.agents.shell.options import positional
from controller.agents.shell.programs import words as _words

SHELLS = _words("sh bash dash zsh ash ksh busybox-sh")
LOGINS = _words("ssh su")
"""Without a command they run a shell, which runs its input."""

# Option letters or names whose value is the next word, and how many words come before the command.
_PREFIXES: dict[str, tuple[frozenset[str], int]] = {
    name: (_words(valued), skipped)
    for name, valued, skipped in (
        ("sudo", "-u --user -g --group -h -p -C -D -R -T -U", 0),
        ("doas", "-u -C", 0),
        ("env", "-u --unset -C --chdir -S", 0),
        ("nohup", "", 0),
        ("time", "-f -o --format --output", 0),
        ("timeout", "-s --signal -k --kill-after", 1),
        ("nice", "-n --adjustment", 0),
        ("ionice", "-c -n -p", 0),
        ("stdbuf", "-i -o -e", 0),
        ("setsid", "", 0),
        ("exec", "-a", 0),
        ("command", "", 0),
        ("builtin", "", 0),
        ("xargs", "-I -n -P -d -L -s -a -E --max-args --max-procs --replace --delimiter", 0),
        ("chroot", "--userspec --groups", 1),
        ("nsenter", "-t --target -S -G", 0),
        ("unshare", "", 0),
        ("flock", "-w -E --timeout", 1),
        ("busybox", "", 0),
        ("strace", "-e -o -p -s", 0),
        ("runuser", "-u -g", 0),
        ("microk8s", "", 0),
        ("k3s", "", 0),
    )
}

_SSH_VALUED = _words("-p -i -l -o -F -J -L -R -D -b -c -E -m -W")
_EXEC_VALUED = _words(
    "-n --namespace -c --container --context --kubeconfig -u --user -w --workdir -e --env -f --file -p --project-name"
    " -H --host --env-file --token -s --server --pod-running-timeout -r --runtime-endpoint"
)
_EXECUTORS = _words("kubectl oc k docker podman nerdctl crictl docker-compose")


def shell_text(words: Sequence[str]) -> str | None:
    """Returns the text after `bash -c` (`-lc` and the like count), or None without such an option."""
    for index, word in enumerate(words):
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            return words[index + 1] if index + 1 < len(words) else ""
        if not word.startswith("-"):
            return None
    return None


def remote_line(name: str, words: Sequence[str]) -> str | None:
    """Returns the line of shell that `eval`, `watch`, `ssh` or `su -c` hands to another shell, or None."""
    if name == "eval":
        return " ".join(words)
    if name == "watch":
        return " ".join(_after_options(words, frozenset({"-n", "--interval"})))
    if name == "ssh":
        return " ".join(_after_options(words, _SSH_VALUED)[1:])
    if name == "su":
        return words[words.index("-c") + 1] if "-c" in words[:-1] else None
    return None


def unwrap(name: str, words: Sequence[str]) -> Sequence[str] | None:
    """Returns the command that `name` runs, empty where there is none, or None where `name` is no wrapper."""
    if name in _PREFIXES:
        valued, skipped = _PREFIXES[name]
        rest = _after_options(words, valued)[skipped:]
        while name in ("env", "sudo") and rest and "=" in rest[0]:
            rest = rest[1:]
        return rest
    if name in _EXECUTORS:
        return _exec_command(words)
    if name == "find":
        return _find_action(words)
    if name == "tiup" and words and words[0].startswith("ctl"):
        return [f"{words[1]}-ctl" if words[1] in ("pd", "tikv") else words[1], *words[2:]] if words[1:] else []
    if name == "ip" and words[:2] == ["netns", "exec"]:
        return words[3:]
    return None


def _exec_command(words: Sequence[str]) -> Sequence[str] | None:
    """Returns the command of `kubectl exec POD -- …` and `docker exec CONTAINER …`."""
    verbs = positional(words, _EXEC_VALUED)
    if verbs[:1] != ["exec"] and verbs[:2] not in (["compose", "exec"], ["container", "exec"]):
        return None
    if "--" in words:
        return words[words.index("--") + 1 :]
    return _after_options(words[words.index("exec") + 1 :], _EXEC_VALUED)[1:]


def _find_action(words: Sequence[str]) -> Sequence[str] | None:
    if "-delete" in words:
        return ["rm"]
    for option in ("-exec", "-execdir", "-ok"):
        if option in words:
            return words[words.index(option) + 1 :]
    return ["ls"]


def _after_options(words: Sequence[str], valued: frozenset[str]) -> Sequence[str]:
    """Returns the words from the first one that is neither an option nor an option's value."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        if words[index] == "--":
            return words[index + 1 :]
        index += 2 if words[index] in valued else 1
    return words[index:]
