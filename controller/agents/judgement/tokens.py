"""A line of shell as words and operators; here-documents are read where they lie, arithmetic is taken as one piece.

Leniently: agents write broken quotes too. A quote that is never closed is taken for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_CHARACTERS = 16_384
MOST_TOKENS = 4000
"""Of one line. What is longer is looked at no further."""

MOST_TRIES = 50
"""How often `((` is looked at whether it is arithmetic: each look may go to the end of the line."""


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    OPERATOR = "operator"
    HEREDOC = "heredoc"
    ARITHMETIC = "arithmetic"


@dataclass(slots=True)
class Token:
    """`text` of a word is without its quotes, `raw` with them; of a here-document it is what it holds. `literal`:
    nothing in it is expanded. `glued`: no space stands before it.
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


def tokens_of(line: str) -> list[Token]:
    """Those of a line. Only the beginning of a longer one is looked at."""
    return list(_Lexer(line.replace("\\\n", " ")[:MOST_CHARACTERS]).read())


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tries = MOST_TRIES
        self._awaited: list[tuple[Token, str, bool]] = []
        """Here-documents that begin after the end of this line, with what ends them, and whether tabs go before it."""

    def read(self) -> Iterator[Token]:
        count, glued = 0, False
        while self._at < len(self._text) and count < MOST_TOKENS:
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
        """What stands in `(( ))`, where both ends of it do; else an opening parenthesis as any other."""
        depth, at, self._tries = 2, self._at, self._tries - 1
        while depth > 1 and at < len(self._text) and self._tries > 0:
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
        self._awaited.append((token, _without_quotes(found[0]), operator == "<<-"))
        return token

    def _read_heredocs(self) -> None:
        """Take each from here to the line that ends it; without such a line, to the end."""
        for token, end, tabs in self._awaited:
            lines = []
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                line = self._text[self._at : stop if stop >= 0 else None]
                self._at += len(line) + 1
                if (line.lstrip("\t") if tabs else line) == end:
                    break
                lines.append(line)
            token.text = "\n".join(lines)
        self._awaited.clear()


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(_unquoted, text)


def _unquoted(piece: re.Match[str]) -> str:
    single, double, escaped = piece.groups()
    if single is not None:
        return str(single)
    return re.sub(r'\\(["\\$`])', r"\1", double) if double is not None else str(escaped)
