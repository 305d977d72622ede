"""The base class of errors that the person who gave a command can act on."""

from __future__ import annotations


class UserError(Exception):
    """An error whose text is a whole sentence for the person who reads it. It is printed without a traceback."""
