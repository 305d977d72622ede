"""A line of shell, taken apart into the simple commands in it. Leniently: agents write broken quotes too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MOST_CHARACTERS = 16_384
MOST_WORDS = 2000
"""Of one line. What is longer is looked at no further."""

DEPTH = 5
"""How deep commands in commands are looked into."""

_OPERATORS = "();<>|&\n"
_TOKEN = re.compile(
    r"""(?P<operator>[();<>|&\n]+)|(?P<word>(?:[^\s();<>|&'"\\]+|\\.|'[^']*'|"(?:\\.|[^"\\])*")++)""", re.DOTALL
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)""", re.DOTALL)
_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done", "esac"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_SUBSTITUTION = re.compile(r"\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|`([^`]*)`")
_HARMLESS_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/tmp/", "/var/tmp/", "&")


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command: its words, whether something is piped into it, and the files that it is told to write."""

    words: tuple[str, ...]
    piped: bool = False
    writes: tuple[str, ...] = ()


def simple_commands(line: str, depth: int = 0) -> Iterator[Simple]:
    """Those of a line, with those in `$(…)` and backticks. Assignments before a command are left out."""
    words: list[str] = []
    writes: list[str] = []
    piped = commented = False
    tokens = _tokens(line.replace("\\\n", " "))
    for operator, token in tokens:
        commented = (commented or token.startswith("#")) and not (operator and "\n" in token)
        if commented:
            continue
        if not operator:
            words.append(token)
        elif set(token) <= set("<>&") and set(token) & set("<>"):
            _, target = next(tokens, (False, ""))
            if words and words[-1] in ("0", "1", "2"):  # of 2>/dev/null
                words.pop()
            if ">" in token and "<" not in token and not token.endswith("&") and not _harmless(target):
                writes.append(target)
        else:
            yield from _finish(words, piped, writes, depth)
            words, writes, piped = [], [], token.startswith("|") and not token.startswith("||")
    yield from _finish(words, piped, writes, depth)


def _finish(words: list[str], piped: bool, writes: list[str], depth: int) -> Iterator[Simple]:
    if depth < DEPTH:
        for inner in _SUBSTITUTION.findall(" ".join(words)):
            yield from simple_commands("".join(inner), depth + 1)
    start = 0
    while start < len(words) and (words[start] in _KEYWORDS or _ASSIGNMENT.match(words[start])):
        start += 1
    if start < len(words) or writes:
        yield Simple(tuple(words[start:]), piped, tuple(writes))


def _tokens(line: str) -> Iterator[tuple[bool, str]]:
    """Operators (True) and words, these without their quotes. A quote that is never closed is taken for nothing."""
    for token in islice(_TOKEN.finditer(line[:MOST_CHARACTERS]), MOST_WORDS):
        operator = token.lastgroup == "operator"
        yield operator, token[0] if operator else _QUOTED.sub(_unquoted, token[0])


def _unquoted(piece: re.Match[str]) -> str:
    single, double, escaped = piece.groups()
    if single is not None:
        return str(single)
    return re.sub(r'\\(["\\$`])', r"\1", double) if double is not None else str(escaped)


def _harmless(target: str) -> bool:
    return not target or target.startswith(_HARMLESS_TARGETS)
