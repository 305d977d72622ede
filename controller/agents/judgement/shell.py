"""A line of shell, taken apart into the simple commands in it. Leniently: agents write broken quotes too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from controller.agents.judgement.tokens import Kind, Token, tokens_of

DEPTH = 5
"""How deep commands in commands are looked into."""

_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done", "esac"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_SUBSTITUTION = re.compile(r"\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|`([^`]*)`")
_ARITHMETIC = re.compile(r"\$\(\(((?:[^()]|\([^()]*\))*)\)\)")
_HARMLESS_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/tmp/", "/var/tmp/")

_ENDS_A_TEST = {";", ";;", "&"}
"""What cannot stand in `[[ ]]`: it was none."""


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command: its words, whether something is piped into it, the files that it is told to write, and what
    it reads where that stands in the line itself (a here-document, a here-string).
    """

    words: tuple[str, ...]
    piped: bool = False
    writes: tuple[str, ...] = ()
    stdin: str | None = None


@dataclass(slots=True)
class _Command:
    """One that is being read. `expanded`: texts in which `$(…)` is run too."""

    words: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    expanded: list[str] = field(default_factory=list)
    piped: bool = False
    stdin: str | None = None
    test: bool = False

    @property
    def begins(self) -> bool:
        """Whether the next word is the command's first."""
        return all(word in _KEYWORDS for word in self.words)


def simple_commands(line: str, depth: int = 0) -> Iterator[Simple]:
    """Those of a line, with those in `$(…)` and backticks. Assignments before a command are left out."""
    yield from _Reader(tokens_of(line), depth).read()


class _Reader:
    def __init__(self, tokens: Sequence[Token], depth: int) -> None:
        self._tokens = tokens
        self._depth = depth
        self._at = 0
        self._now = _Command()
        self._outside: list[_Command | None] = []
        """By open parenthesis: the command in which `$(` stands, which goes on behind it; None for `(`."""
        self._cases = 0
        self._pattern = False
        self._closed = False
        """Whether the last thing that was read is a `$(…)` within this command."""

    def read(self) -> Iterator[Simple]:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            self._closed = self._at > 1 and self._tokens[self._at - 2].text == ")" and bool(self._now.words)
            if self._pattern:
                self._skip_pattern(token)
            elif token.kind is Kind.WORD:
                self._word(token)
            elif token.kind is Kind.ARITHMETIC:
                self._now.expanded.append(token.text)
            elif token.kind is Kind.HEREDOC:
                self._now.stdin = token.text
                self._now.expanded += [] if token.literal else [token.text]
            elif self._now.test and token.text not in ("$(", *_ENDS_A_TEST):
                self._now.words.append(token.text)
            elif set(token.text) <= set("<>&|") and set(token.text) & set("<>"):
                self._redirect(token.text)
            else:
                yield from self._separate(token)
        while self._outside:
            yield from self._close()
        yield from self._finish()

    def _word(self, token: Token) -> None:
        now = self._now
        if token.raw == "[[" and now.begins and self._is_closed():
            now.test = True
        elif token.raw == "]]":
            now.test = False
        elif token.raw == "esac" and now.begins:
            self._cases = max(0, self._cases - 1)
        if token.glued and self._closed:
            now.words[-1] += token.text
        else:
            now.words.append(token.text)
        if token.raw == "in" and len(now.words) >= 3 and now.words[-3] == "case":
            self._cases += 1
            self._pattern = True

    def _is_closed(self) -> bool:
        """Whether a `]]` comes before anything that ends a test that is none."""
        depth = 0
        for token in self._tokens[self._at :]:
            depth += {"$(": 1, "(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.OPERATOR else 0
            if depth <= 0 and token.raw == "]]":
                return True
            if depth <= 0 and token.kind is Kind.OPERATOR and token.text in _ENDS_A_TEST:
                return False
        return False

    def _skip_pattern(self, token: Token) -> None:
        """Of `case`: up to the parenthesis that closes it, nothing is run."""
        if token.raw == "esac":
            self._cases = max(0, self._cases - 1)
            self._pattern = False
        elif token.kind is Kind.OPERATOR and token.text == ")":
            self._pattern = False
            self._now = _Command()

    def _redirect(self, operator: str) -> None:
        target = self._tokens[self._at] if self._at < len(self._tokens) else Token(Kind.WORD, "")
        if target.kind is Kind.WORD:
            self._at += 1
        now = self._now
        if now.words and now.words[-1] in ("0", "1", "2"):  # of 2>/dev/null
            now.words.pop()
        if operator == "<<<":
            now.stdin = target.text
        elif ">" in operator and "<" not in operator and not _harmless(operator, target.text):
            now.writes.append(target.text)

    def _separate(self, token: Token) -> Iterator[Simple]:
        operator = token.text
        if operator in ("$(", "<(", ">("):
            if not token.glued or not self._now.words:
                self._now.words.append("$")  # in the place of what comes of it
            self._outside.append(self._now)
            self._now = _Command()
        elif operator == ")":
            yield from self._close()
        else:
            passes_on = self._now.stdin if self._now.words in (["cat"], ["cat", "-"]) else None
            yield from self._finish()
            self._now.piped = operator in ("|", "|&")
            self._now.stdin = passes_on if self._now.piped else None
            if operator == "(":
                self._outside.append(None)
            self._pattern = self._cases > 0 and operator in (";;", ";&", ";;&")

    def _close(self) -> Iterator[Simple]:
        yield from self._finish()
        outer = self._outside.pop() if self._outside else None
        self._now = outer or _Command()

    def _finish(self) -> Iterator[Simple]:
        now, self._now = self._now, _Command()
        if self._depth < DEPTH:
            for text in (" ".join(now.words), *now.expanded):
                for inner in _SUBSTITUTION.findall(_ARITHMETIC.sub(r" \1 ", text)):
                    yield from simple_commands("".join(inner), self._depth + 1)
        start = 0
        while start < len(now.words) and (now.words[start] in _KEYWORDS or _ASSIGNMENT.match(now.words[start])):
            start += 1
        if start < len(now.words) or now.writes:
            yield Simple(tuple(now.words[start:]), now.piped, tuple(now.writes), now.stdin)


def _harmless(operator: str, target: str) -> bool:
    """`2>&1` and `>&-` write no file; nor does what goes where nothing is kept."""
    named = operator.endswith("&") and re.fullmatch(r"\d+-?|-", target) is not None
    return named or not target or target.startswith(_HARMLESS_TARGETS)
