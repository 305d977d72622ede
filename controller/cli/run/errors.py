"""The error for wrong usage."""

from __future__ import annotations


class UsageError(Exception):
    """What was asked for makes no sense; the command exits with status 2. The text is a sentence for who typed it."""
