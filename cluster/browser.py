"""A browser for the tests of the report: the one that is here, else Debian's chromium."""

from __future__ import annotations

import shutil

from cluster.errors import SetupError
from cluster.node import debian
from cluster.progress import note

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a Chromium, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def ensure() -> str | None:
    """Install one where there is none, and return its path. Where that cannot be, it is said; tests do without."""
    if find() is None:
        try:
            debian.install("browser", "no Chromium is installed")
        except SetupError as error:
            note(f"{error}\nThe tests in a browser will be skipped.")
    return find()
