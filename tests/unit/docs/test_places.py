"""A place in the repository that a comment, a docstring or a page names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).parents[3]
ROOMS = ("controller", "subjects", "cluster", "tests", "tools", "manifests", "crds", "examples", "bench", "docs")
PLACE = re.compile(rf"(?<![\w./@-])(?:{'|'.join(ROOMS)})(?:/[\w.-]+)+")
KINDS = {".py", ".md", ".yaml", ".sh", ".toml", ".txt"}

NOT_OURS = re.compile(
    r"cluster/(member/list|status)"  # paths of etcd's and PD's HTTP
    r"|tests/kind"  # a folder of a Kubernetes repository
    r"|controller/(deployment|isolation|kustomization)\.yaml|subjects/etcd-permissions"  # below manifests/
    r"|.*\b[A-Z]{3,}\b.*"  # a placeholder
    r"|.*(bad_image|journal|lamp|0007_note).*"  # made as an example in CONTRIBUTING.md
)


def _files() -> Iterator[Path]:
    for room in (*ROOMS, ".ci", ".github"):
        yield from (path for path in (REPO / room).rglob("*") if path.suffix in KINDS)
    yield from (path for path in REPO.iterdir() if path.suffix in KINDS or path.name in ("Makefile", "Dockerfile"))


def _exists(place: str, beside: Path) -> bool:
    """By its whole name, as a module without `.py`, or seen from the page that names it."""
    return any((base / (place + suffix)).exists() for base in (REPO, beside) for suffix in ("", ".py"))


def test_every_place_that_is_named_exists() -> None:
    missing = {
        f"{path.relative_to(REPO)}: {place}"
        for path in _files()
        if path != Path(__file__)
        for place in (found.rstrip(".") for found in PLACE.findall(path.read_text()))
        if not NOT_OURS.fullmatch(place) and not _exists(place, path.parent)
    }
    assert missing == set()
