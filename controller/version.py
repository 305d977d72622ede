"""Which version of evalcampaign this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

SOURCE_TREE = "(not installed)"
"""Run from a checkout, there is no number to go by."""


def _installed() -> str:
    try:
        return version("evalcampaign")
    except PackageNotFoundError:
        return SOURCE_TREE


VERSION = _installed()
"""The version of the installed package."""
