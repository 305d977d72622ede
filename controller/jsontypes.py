"""The type of JSON values. Subjects, which import nothing of the controller, have it in `subjects.fault`."""

from __future__ import annotations

from typing import Any

Json = Any
"""A value that `json.dumps` takes."""
