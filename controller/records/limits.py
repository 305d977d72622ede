"""How large a text or an event's detail may get. States are never cut: a state with a hole in it proves nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from controller.records.rows import Json

TEXT_BYTES = 4096
"""Of an error or a message, in UTF-8: a stack of tracebacks helps nobody twice."""

DETAIL_BYTES = 16384
"""Of an event's detail as JSON."""


def cut(text: str, limit: int = TEXT_BYTES) -> str:
    """The text, or its beginning and an ellipsis where it is longer than `limit` bytes of UTF-8."""
    # Lone surrogates come from undecodable output; SQLite's text cannot hold them.
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode(errors="ignore") + "…"


def cut_detail(detail: Mapping[str, Json]) -> dict[str, Json]:
    """The detail, or `{"cut": its JSON's beginning}` where it is too large to keep."""
    text = json.dumps(detail)
    return dict(detail) if len(text) <= DETAIL_BYTES else {"cut": cut(text, DETAIL_BYTES)}
