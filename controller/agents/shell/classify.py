"""Classifies a shell command by rules, the same for every agent: could it change anything, or destroy something?

The rules list what is known to be harmful and what is known to be harmless; docs/agents/commands.md shows them. An
unknown command counts as harmless, and its `reason` says that it is unknown: the classification describes what an agent
did, it protects nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from controller.agents.shell import options, wrappers
from controller.agents.shell.parser import SimpleCommand, simple_commands
from controller.agents.shell.programs import CHANGING, DESTROYING, PROGRAMS, READING, Effect, Program

MAX_DEPTH = 8
"""How many levels of shells in shells, and of wrappers in wrappers, are unwrapped."""


_STDIN = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


@dataclass(frozen=True, slots=True)
class CommandEffect:
    """The effect of a line of shell. `destructive` implies `mutating`; `reason` names the part that decided."""

    mutating: bool
    destructive: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Part:
    effect: Effect
    reason: str


def classify(command: str) -> CommandEffect:
    """Returns the effect of a line of shell, which is that of its worst part. Never raises, whatever the line is."""
    worst = _classify_line(command, 0)
    return CommandEffect(worst.effect >= Effect.CHANGES, worst.effect is Effect.DESTROYS, worst.reason)


def _classify_line(command: str, depth: int) -> _Part:
    parts = [part for simple in simple_commands(command) for part in _classify_simple(simple, depth)]
    return max(parts, key=lambda part: part.effect, default=_Part(Effect.READS, "nothing is run"))


def _classify_simple(simple: SimpleCommand, depth: int) -> Sequence[_Part]:
    written = [_Part(Effect.CHANGES, f"writes {target[:60]}") for target in simple.writes]
    return [_classify_words(simple, simple.words, depth), *written] if simple.words else written


def _classify_words(simple: SimpleCommand, words: Sequence[str], depth: int) -> _Part:
    """`simple` has the input of whatever these words run."""
    name = PurePosixPath(words[0]).name or words[0]
    if depth >= MAX_DEPTH:
        return _Part(Effect.UNKNOWN, f"{name[:60]} is wrapped too deeply: unknown")
    if name in wrappers.SHELLS:
        return _classify_shell(name, words[1:], simple, depth)
    inner = wrappers.unwrap(name, words[1:])
    if inner:
        return _classify_words(simple, inner, depth + 1)
    shell_line = wrappers.remote_line(name, words[1:])
    if simple.stdin is not None and not shell_line and (inner is not None or name in wrappers.LOGINS):
        return _classify_line(simple.stdin, depth + 1)
    if inner is not None:
        return _Part(Effect.READS, f"{name} runs nothing")
    return _classify_program(name, words[1:]) if shell_line is None else _classify_line(shell_line, depth + 1)


def _classify_shell(name: str, words: Sequence[str], simple: SimpleCommand, depth: int) -> _Part:
    """A shell with `-c` or a here-document runs known text. A script, typed or piped input may be anything: it counts
    as changing something.
    """
    text = wrappers.shell_text(words)
    if text is not None:
        return _classify_line(text, depth + 1)
    if simple.stdin is not None and ("-s" in words or all(word.startswith("-") or word in _STDIN for word in words)):
        return _classify_line(simple.stdin, depth + 1)
    if any(not word.startswith("-") for word in words):
        return _Part(Effect.CHANGES, f"{name} runs a script that is not seen here")
    if {"--version", "--help"} & set(words):
        return _Part(Effect.READS, f"{name} tells about itself")
    how = "piped into it" if simple.piped else "typed"
    return _Part(Effect.CHANGES, f"{name} runs what is {how}, which is not seen here")


def _classify_program(name: str, words: Sequence[str]) -> _Part:
    option_rule: Callable[[Sequence[str]], tuple[Effect, str] | None] | None = options.RULES.get(name)
    if option_rule is not None and (found := option_rule(words)) is not None:
        return _Part(found[0], f"{name} {found[1]}".strip())
    if name in PROGRAMS:
        return _classify_verb(name, PROGRAMS[name], words)
    base = name.partition(".")[0]  # mkfs.ext4
    for effect, names, does in (
        (Effect.DESTROYS, DESTROYING, "destroys"),
        (Effect.CHANGES, CHANGING, "changes something"),
        (Effect.READS, READING, "only reads"),
    ):
        if name in names or base in names:
            return _Part(effect, f"{base[:60]} {does}")
    return _Part(Effect.UNKNOWN, f"{name[:60]} is unknown")


_PHRASES = {
    Effect.READS: "only reads",
    Effect.UNKNOWN: "is unknown",
    Effect.CHANGES: "changes something",
    Effect.DESTROYS: "destroys",
}


def _classify_verb(name: str, program: Program, words: Sequence[str]) -> _Part:
    verbs = options.positional(words, program.valued)[:5]
    for length in range(len(verbs), 0, -1):
        for entry, effect in program.table.items():
            if len(entry) == length and all(
                pattern in ("*", verb) for pattern, verb in zip(entry, verbs, strict=False)
            ):
                return _Part(effect, f"{name} {' '.join(entry)} {_PHRASES[effect]}")
    if not verbs:
        return _Part(Effect.READS, f"{name} alone only tells about itself")
    return _Part(program.otherwise, f"{name} {verbs[0][:60]} {_PHRASES[program.otherwise]}")
