"""Words that were given up for the field's own (docs/glossary.md) come back in no name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
ROOMS = ("controller", "subjects", "cluster")

RETIRED = frozenset(
    [
        "announce",
        "arrive",
        "attendance",
        "attending",
        "board",
        "bury",
        "course",
        "deed",
        "dirt",
        "dirty",
        "doubtful",
        "entrance",
        "farewell",
        "gaze",
        "hear",
        "heed",
        "judgement",
        "lend",
        "linger",
        "luck",
        "misfit",
        "mistake",
        "narrative",
        "pace",
        "picture",
        "projector",
        "sight",
        "sighting",
        "stake",
        "steering",
        "storyline",
        "unburied",
        "unwell",
        "upkeep",
        "whose",
    ]
)
"""A word that has an ordinary use as well (`leave`, `whole`, `memory`) is not here: reviewers look at it."""


def _names(path: Path) -> Iterator[str]:
    """The names that a file defines, and its own."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_uses_a_word_that_was_given_up(room: str) -> None:
    found = {
        f"{path.relative_to(REPO)}: {name}"
        for path in (REPO / room).rglob("*.py")
        for name in _names(path)
        if _words(name) & RETIRED
    }
    assert found == set()


def test_names_are_split_into_their_words() -> None:
    assert _words("HTTPServer_isUp") == {"http", "server", "is", "up"}
