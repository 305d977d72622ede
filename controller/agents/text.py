"""Keeping texts within bounds, in UTF-8, with nothing in them that a database refuses."""

from __future__ import annotations


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis where it is longer than `limit` bytes of UTF-8.

    Half characters (lone surrogates) and NUL, which PostgreSQL's texts cannot hold, become `?` and a space.
    """
    encoded = text.replace("\x00", " ").encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode(errors="ignore") + "…"


def line(text: str, limit: int) -> str:
    """The same, on one line."""
    return cut(" ".join(text.split()), limit)
