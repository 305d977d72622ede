"""Could a command have changed anything, or destroyed something? By rules, offline, the same for every agent.

The rules name what is known to be harmful, and what is known to be harmless; docs/agents/judgement.md shows them.
What is unknown counts as harmless and says so: the judgement describes what an agent did, it guards nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from controller.agents.judgement import special, wrappers
from controller.agents.judgement.effect import Effect, Program
from controller.agents.judgement.plain import CHANGING, DESTROYING, READING
from controller.agents.judgement.programs import PROGRAMS
from controller.agents.judgement.shell import Simple, simple_commands

DEPTH = 8
"""How many shells in shells, and wrappers in wrappers, are unwrapped."""


_STDIN = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a command is taken for. `destructive` implies `mutating`; `why` names the part that decided."""

    mutating: bool
    destructive: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Part:
    effect: Effect
    why: str


def judge(command: str) -> Judgement:
    """Judge a line of shell: as bad as its worst part. Never raises, whatever the line is."""
    worst = _line(command, 0)
    return Judgement(worst.effect >= Effect.CHANGES, worst.effect is Effect.DESTROYS, worst.why)


def _line(command: str, depth: int) -> _Part:
    parts = [part for simple in simple_commands(command) for part in _simple(simple, depth)]
    return max(parts, key=lambda part: part.effect, default=_Part(Effect.READS, "nothing is run"))


def _simple(simple: Simple, depth: int) -> Sequence[_Part]:
    written = [_Part(Effect.CHANGES, f"writes {target[:60]}") for target in simple.writes]
    return [_words(simple, simple.words, depth), *written] if simple.words else written


def _words(simple: Simple, words: Sequence[str], depth: int) -> _Part:
    """`simple` tells what is read by whatever these words run."""
    name = PurePosixPath(words[0]).name or words[0]
    if depth >= DEPTH:
        return _Part(Effect.UNKNOWN, f"{name[:60]} is wrapped too deeply: unknown")
    if name in wrappers.SHELLS:
        return _shell(name, words[1:], simple, depth)
    inner = wrappers.unwrap(name, words[1:])
    if inner:
        return _words(simple, inner, depth + 1)
    told = wrappers.text_run_by(name, words[1:])
    if simple.stdin is not None and not told and (inner is not None or name in wrappers.LOGINS):
        return _line(simple.stdin, depth + 1)
    if inner is not None:
        return _Part(Effect.READS, f"{name} runs nothing")
    return _program(name, words[1:]) if told is None else _line(told, depth + 1)


def _shell(name: str, words: Sequence[str], simple: Simple, depth: int) -> _Part:
    """`-c` says what is run, and so does a here-document; a script, or what is typed or piped in, may be anything: in
    doubt it changes something.
    """
    text = wrappers.shell_text(words)
    if text is not None:
        return _line(text, depth + 1)
    if simple.stdin is not None and ("-s" in words or all(word.startswith("-") or word in _STDIN for word in words)):
        return _line(simple.stdin, depth + 1)
    if any(not word.startswith("-") for word in words):
        return _Part(Effect.CHANGES, f"{name} runs a script that is not seen here")
    if {"--version", "--help"} & set(words):
        return _Part(Effect.READS, f"{name} tells about itself")
    how = "piped into it" if simple.piped else "typed"
    return _Part(Effect.CHANGES, f"{name} runs what is {how}, which is not seen here")


def _program(name: str, words: Sequence[str]) -> _Part:
    special_rule: Callable[[Sequence[str]], tuple[Effect, str] | None] | None = special.RULES.get(name)
    if special_rule is not None and (found := special_rule(words)) is not None:
        return _Part(found[0], f"{name} {found[1]}".strip())
    if name in PROGRAMS:
        return _verb(name, PROGRAMS[name], words)
    base = name.partition(".")[0]  # mkfs.ext4
    for effect, names, does in (
        (Effect.DESTROYS, DESTROYING, "destroys"),
        (Effect.CHANGES, CHANGING, "changes something"),
        (Effect.READS, READING, "only reads"),
    ):
        if name in names or base in names:
            return _Part(effect, f"{base[:60]} {does}")
    return _Part(Effect.UNKNOWN, f"{name[:60]} is unknown")


_DOES = {
    Effect.READS: "only reads",
    Effect.UNKNOWN: "is unknown",
    Effect.CHANGES: "changes something",
    Effect.DESTROYS: "destroys",
}


def _verb(name: str, program: Program, words: Sequence[str]) -> _Part:
    verbs = special.positional(words, program.valued)[:5]
    for length in range(len(verbs), 0, -1):
        for entry, effect in program.table.items():
            if len(entry) == length and all(known in ("*", said) for known, said in zip(entry, verbs, strict=False)):
                return _Part(effect, f"{name} {' '.join(entry)} {_DOES[effect]}")
    if not verbs:
        return _Part(Effect.READS, f"{name} alone only tells about itself")
    return _Part(program.otherwise, f"{name} {verbs[0][:60]} {_DOES[program.otherwise]}")
