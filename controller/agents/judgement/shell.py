"""A line of shell, taken apart into the commands in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from controller.agents.judgement.programs import RULES
from controller.agents.judgement.tables import CHANGERS, DESTROYERS, PREFIXES, READERS
from controller.agents.judgement.verdicts import UNKNOWN, Judgement, Look, Words, changes, destroys, reads

SEPARATORS = re.compile(r"\|\||&&|;|\||&(?![>&])|\n|\$\(|`|(?<!\$)\)")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.S)
SAFE_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr", "&1", "&2")


def judge(command: str) -> Judgement:
    """What it could do."""
    judged = [_judge_part(part) for part in _parts(command)]
    known = [each for each in judged if each is not UNKNOWN] or judged
    for worst in (lambda each: each.destructive, lambda each: each.mutating, lambda each: each is UNKNOWN):
        for each in judged:
            if worst(each):
                return each
    return known[0] if known else Judgement(why="empty")


def _parts(command: str) -> Iterator[str]:
    """The commands in a line of shell. Inside quotes nothing separates."""
    start, quote, position = 0, "", 0
    while position < len(command):
        char = command[position]
        if char == "\\" and quote != "'":
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif found := SEPARATORS.match(command, position):
            yield command[start:position]
            start = position = found.end()
            continue
        position += 1
    yield command[start:]


def _words(part: str) -> list[str]:
    try:
        return shlex.split(part, comments=True)
    except ValueError:  # a quote that is never closed
        return part.replace('"', " ").replace("'", " ").split()


def _judge_part(part: str) -> Judgement:
    words = _words(part)
    if not words:
        return reads("nothing")
    writes = _redirected(part)
    judged = _judge_words(words)
    return changes(f"writes to {writes}") if writes and not judged.mutating else judged


def _redirected(part: str) -> str | None:
    for target in re.findall(r"(?<![0-9&<-])[0-9]?>{1,2}\|?\s*(&?[^\s;|&>]+)", re.sub(r"'[^']*'|\"[^\"]*\"", "", part)):
        if target not in SAFE_TARGETS and not target.startswith("&"):
            return str(target)
    return None


def _judge_words(words: Words) -> Judgement:
    while words and (ASSIGNMENT.fullmatch(words[0]) or words[0] in PREFIXES):
        words = words[1:]
        while words and words[0].startswith("-"):  # of sudo and its like
            words = words[1:]
    if not words:
        return reads("nothing")
    name, rest = words[0].rpartition("/")[2], words[1:]
    if name in RULES:
        return RULES[name](rest, Look(_judge_words, judge))
    if name in DESTROYERS or name.startswith("mkfs."):
        return destroys(f"{name} {DESTROYERS[name.partition('.')[0]]}")
    if name in CHANGERS:
        return changes(f"{name} {CHANGERS[name]}")
    return reads(f"{name} only reads") if name in READERS else UNKNOWN
