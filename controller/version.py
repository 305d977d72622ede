"""Which version of evalcampaign this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("evalcampaign")
    except PackageNotFoundError:
        return "(not installed)"


VERSION = _installed()
"""As it was installed; a source tree that was not says so."""
