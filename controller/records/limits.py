"""How large a text or an event's detail may get. States are never cut: a state with a hole in it proves nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from controller.records.rows import Json
from controller.text import truncate_bytes

TEXT_BYTES = 4096
"""Of an error or a message, in UTF-8: a stack of tracebacks helps nobody twice."""

DETAIL_BYTES = 16384
"""Of an event's detail as JSON."""


def cut_detail(detail: Mapping[str, Json]) -> dict[str, Json]:
    """The detail, or `{"cut": its JSON's beginning}` where it is too large to keep."""
    text = json.dumps(detail)
    return dict(detail) if len(text) <= DETAIL_BYTES else {"cut": truncate_bytes(text, DETAIL_BYTES)}
