"""Keeping texts within bounds, in UTF-8, with nothing in them that a database refuses."""

from __future__ import annotations

import json
import math
from typing import Any

from controller.text import truncate_bytes


def line(text: str, limit: int) -> str:
    """The same, on one line."""
    return truncate_bytes(" ".join(text.split()), limit)


def in_utf8(body: bytes) -> bytes:
    """A JSON text in UTF-8, whatever its library wrote: UTF-8, UTF-16 or UTF-32, with a mark in front or without.

    Halves of a character that stand side by side are put together; one that stands alone becomes `?`. What is in no
    such encoding is returned as it is.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass").encode(errors="replace")
    except UnicodeDecodeError:
        return body


def tidy(value: Any) -> None:
    """Make of a decoded JSON value, where it is, what JSON may hold elsewhere too: no half characters, which become
    `?`, and null for numbers that are not finite. Not by recursion: it may be nested deeply.
    """
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            for name in [name for name in node if not name.isascii()]:
                node[_whole(name)] = node.pop(name)
        for place, each in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(each, dict | list):
                waiting.append(each)
            elif isinstance(each, str) and not each.isascii():
                node[place] = _whole(each)
            elif isinstance(each, float) and not math.isfinite(each):
                node[place] = None


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()
