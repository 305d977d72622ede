"""What goes wrong in a way that a person can do something about."""

from __future__ import annotations


class Sentence(Exception):
    """Base of every error whose text is a whole sentence for the person who reads it; a traceback would add nothing."""
