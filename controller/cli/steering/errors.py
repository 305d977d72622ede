"""Mistakes in what was asked for; exit status 2, as for every wrong usage."""

from __future__ import annotations


class Mistake(Exception):
    """The text is a sentence for whoever typed it."""
