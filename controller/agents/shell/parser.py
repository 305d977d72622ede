"""Parses a line of shell into the simple commands in it. Lenient: agents write broken quotes too.

A tokenizer reads words, operators, here-documents and arithmetic; a parser on top of it finds the commands. A quote
that is never closed is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MAX_CHARACTERS = 16_384
MAX_TOKENS = 4000
"""The most characters of a line that are parsed."""

MAX_ARITHMETIC_SCANS = 50
"""How often a `((` is tested for being arithmetic: each test may read to the end of the line."""


class Kind(StrEnum):
    """The kinds of tokens."""

    WORD = "word"
    OPERATOR = "operator"
    HEREDOC = "heredoc"
    ARITHMETIC = "arithmetic"


@dataclass(slots=True)
class Token:
    """`text` is a word without its quotes, or the content of a here-document; `raw` is the word with them.

    `literal`: nothing in it is expanded. `glued`: no space precedes it.
    """

    kind: Kind
    text: str
    raw: str = ""
    literal: bool = False
    glued: bool = False


_TOKEN = re.compile(
    r"""
      (?P<space> [^\S\n]+ )
    | (?P<comment> \#[^\n]* )
    | (?P<arithmetic> \$?\(\( )
    | (?P<operator> \n | \$\( | [<>]\( | &>>? | <<< | <<-? | <> | <& | >> | >& | >\| | [<>] | \|\| | \|& | \| | && | &
                    | ;;& | ;; | ;& | ; | \( | \) )
    | (?P<word> (?: [^\s();<>|&'"\\$]+ | \$(?!\() | \\. | '[^']*' | "(?:\\.|[^"\\])*" )++ )
    | (?P<stray> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)""", re.DOTALL)


def tokenize(line: str) -> list[Token]:
    """Returns the tokens of a line, or of the beginning of a long one."""
    return list(_Lexer(line.replace("\\\n", " ")[:MAX_CHARACTERS]).read())


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._scans = MAX_ARITHMETIC_SCANS
        self._pending_heredocs: list[tuple[Token, str, bool]] = []
        """Here-documents that begin after the end of this line: token, end marker, whether tabs may precede it."""

    def read(self) -> Iterator[Token]:
        count, glued = 0, False
        while self._at < len(self._text) and count < MAX_TOKENS:
            found = _TOKEN.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            made = self._token(str(found.lastgroup), found[0])
            if made is not None:
                count += 1
                made.glued = glued
                yield made
            glued = made is not None

    def _token(self, group: str, text: str) -> Token | None:
        match group:
            case "word":
                return Token(Kind.WORD, _without_quotes(text), text)
            case "arithmetic":
                return self._arithmetic(text)
            case "operator" if text.startswith("<<") and text != "<<<":
                return self._heredoc(text)
            case "operator":
                if text == "\n":
                    self._read_heredocs()
                return Token(Kind.OPERATOR, text)
        return None

    def _arithmetic(self, opening: str) -> Token:
        """Returns the content of `(( ))` where that is closed, else an ordinary opening parenthesis."""
        depth, at, self._scans = 2, self._at, self._scans - 1
        while depth > 1 and at < len(self._text) and self._scans > 0:
            depth += {"(": 1, ")": -1}.get(self._text[at], 0)
            at += 1
        if depth == 1 and self._text[at : at + 1] == ")":
            inner = self._text[self._at : at - 1]
            self._at = at + 1
            return Token(Kind.ARITHMETIC, inner, opening)
        self._at -= 1
        return Token(Kind.OPERATOR, opening[:-1])

    def _heredoc(self, operator: str) -> Token | None:
        found = _TOKEN.match(self._text, self._at)
        if found is not None and found.lastgroup == "space":
            found = _TOKEN.match(self._text, found.end())
        if found is None or found.lastgroup != "word":
            return None
        self._at = found.end()
        token = Token(Kind.HEREDOC, "", literal=bool(re.search(r"""['"\\]""", found[0])))
        self._pending_heredocs.append((token, _without_quotes(found[0]), operator == "<<-"))
        return token

    def _read_heredocs(self) -> None:
        """Reads each pending here-document up to its end marker, or to the end of the text without one."""
        for token, end, tabs in self._pending_heredocs:
            lines = []
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                line = self._text[self._at : stop if stop >= 0 else None]
                self._at += len(line) + 1
                if (line.lstrip("\t") if tabs else line) == end:
                    break
                lines.append(line)
            token.text = "\n".join(lines)
        self._pending_heredocs.clear()


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(_unquoted, text)


def _unquoted(piece: re.Match[str]) -> str:
    single, double, escaped = piece.groups()
    if single is not None:
        return str(single)
    return re.sub(r'\\(["\\$`])', r"\1", double) if double is not None else str(escaped)


MAX_DEPTH = 5
"""How many levels of command substitution are parsed."""

_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done", "esac"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_SUBSTITUTION = re.compile(r"\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|`([^`]*)`")
_ARITHMETIC = re.compile(r"\$\(\(((?:[^()]|\([^()]*\))*)\)\)")
_HARMLESS_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/tmp/", "/var/tmp/")

_TEST_TERMINATORS = {";", ";;", "&"}
"""The tokens that end a command. Where one comes before the `]]`, the `[[` is an ordinary word."""


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One simple command. `writes` are the files that its redirections write.

    `stdin` is its input where that stands in the line itself (a here-document, a here-string); `piped` says that
    another command's output is piped into it.
    """

    words: tuple[str, ...]
    piped: bool = False
    writes: tuple[str, ...] = ()
    stdin: str | None = None


@dataclass(slots=True)
class _Command:
    """A simple command that is being parsed. `expanded`: texts in which `$(…)` is run too."""

    words: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    expanded: list[str] = field(default_factory=list)
    piped: bool = False
    stdin: str | None = None
    test: bool = False

    @property
    def begins(self) -> bool:
        """Returns whether the next word is the command's first."""
        return all(word in _KEYWORDS for word in self.words)


def simple_commands(line: str, depth: int = 0) -> Iterator[SimpleCommand]:
    """Yields the simple commands of a line, with those in `$(…)` and backticks, without leading assignments."""
    yield from _Parser(tokenize(line), depth).parse()


class _Parser:
    def __init__(self, tokens: Sequence[Token], depth: int) -> None:
        self._tokens = tokens
        self._depth = depth
        self._at = 0
        self._current = _Command()
        self._enclosing: list[_Command | None] = []
        """For each open parenthesis the command that a `$(` belongs to, which continues after it; None for `(`."""
        self._cases = 0
        self._pattern = False
        self._closed = False
        """Returns whether the previous token closed a `$(…)` within this command."""

    def parse(self) -> Iterator[SimpleCommand]:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            self._closed = self._at > 1 and self._tokens[self._at - 2].text == ")" and bool(self._current.words)
            if self._pattern:
                self._skip_pattern(token)
            elif token.kind is Kind.WORD:
                self._word(token)
            elif token.kind is Kind.ARITHMETIC:
                self._current.expanded.append(token.text)
            elif token.kind is Kind.HEREDOC:
                self._current.stdin = token.text
                self._current.expanded += [] if token.literal else [token.text]
            elif self._current.test and token.text not in ("$(", *_TEST_TERMINATORS):
                self._current.words.append(token.text)
            elif set(token.text) <= set("<>&|") and set(token.text) & set("<>"):
                self._redirect(token.text)
            else:
                yield from self._separate(token)
        while self._enclosing:
            yield from self._close()
        yield from self._finish()

    def _word(self, token: Token) -> None:
        command = self._current
        if token.raw == "[[" and command.begins and self._test_is_closed():
            command.test = True
        elif token.raw == "]]":
            command.test = False
        elif token.raw == "esac" and command.begins:
            self._cases = max(0, self._cases - 1)
        if token.glued and self._closed:
            command.words[-1] += token.text
        else:
            command.words.append(token.text)
        if token.raw == "in" and len(command.words) >= 3 and command.words[-3] == "case":
            self._cases += 1
            self._pattern = True

    def _test_is_closed(self) -> bool:
        """Returns whether a `]]` comes before anything that cannot stand in a test."""
        depth = 0
        for token in self._tokens[self._at :]:
            depth += {"$(": 1, "(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.OPERATOR else 0
            if depth <= 0 and token.raw == "]]":
                return True
            if depth <= 0 and token.kind is Kind.OPERATOR and token.text in _TEST_TERMINATORS:
                return False
        return False

    def _skip_pattern(self, token: Token) -> None:
        """Skips a pattern of `case`: up to the closing parenthesis nothing is run."""
        if token.raw == "esac":
            self._cases = max(0, self._cases - 1)
            self._pattern = False
        elif token.kind is Kind.OPERATOR and token.text == ")":
            self._pattern = False
            self._current = _Command()

    def _redirect(self, operator: str) -> None:
        target = self._tokens[self._at] if self._at < len(self._tokens) else Token(Kind.WORD, "")
        if target.kind is Kind.WORD:
            self._at += 1
        command = self._current
        if command.words and command.words[-1] in ("0", "1", "2"):  # of 2>/dev/null
            command.words.pop()
        if operator == "<<<":
            command.stdin = target.text
        elif ">" in operator and "<" not in operator and not _is_harmless(operator, target.text):
            command.writes.append(target.text)

    def _separate(self, token: Token) -> Iterator[SimpleCommand]:
        operator = token.text
        if operator in ("$(", "<(", ">("):
            if not token.glued or not self._current.words:
                self._current.words.append("$")  # stands for the output
            self._enclosing.append(self._current)
            self._current = _Command()
        elif operator == ")":
            yield from self._close()
        else:
            forwarded = self._current.stdin if self._current.words in (["cat"], ["cat", "-"]) else None
            yield from self._finish()
            self._current.piped = operator in ("|", "|&")
            self._current.stdin = forwarded if self._current.piped else None
            if operator == "(":
                self._enclosing.append(None)
            self._pattern = self._cases > 0 and operator in (";;", ";&", ";;&")

    def _close(self) -> Iterator[SimpleCommand]:
        yield from self._finish()
        outer = self._enclosing.pop() if self._enclosing else None
        self._current = outer or _Command()

    def _finish(self) -> Iterator[SimpleCommand]:
        command, self._current = self._current, _Command()
        if self._depth < MAX_DEPTH:
            for text in (" ".join(command.words), *command.expanded):
                for inner in _SUBSTITUTION.findall(_ARITHMETIC.sub(r" \1 ", text)):
                    yield from simple_commands("".join(inner), self._depth + 1)
        words = command.words
        start = 0
        while start < len(words) and (words[start] in _KEYWORDS or _ASSIGNMENT.match(words[start])):
            start += 1
        if start < len(words) or command.writes:
            yield SimpleCommand(tuple(words[start:]), command.piped, tuple(command.writes), command.stdin)


def _is_harmless(operator: str, target: str) -> bool:
    """Returns whether a redirection writes no file (`2>&1`, `>&-`), or one that is not kept."""
    named = operator.endswith("&") and re.fullmatch(r"\d+-?|-", target) is not None
    return named or not target or target.startswith(_HARMLESS_TARGETS)
