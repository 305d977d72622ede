"""What the owner of a subject's namespace says about whose campaigns may break it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cluster import kubectl
from controller.authorization import ALLOWED_ANNOTATION


@contextmanager
def allowed(name: str, subject: str) -> Iterator[None]:
    """As the owner of a subject's namespace would, let campaigns of one more namespace break it for a while."""
    metadata = kubectl.ask_json(f"reading namespace {subject}", "get", "namespace", subject)["metadata"]
    before = metadata.get("annotations", {}).get(ALLOWED_ANNOTATION)
    _annotate(subject, f"={name}" if before is None else f"={before},{name}")
    try:
        yield
    finally:
        _annotate(subject, "-" if before is None else f"={before}")


def _annotate(subject: str, change: str) -> None:
    what = ("annotate", "namespace", subject, f"{ALLOWED_ANNOTATION}{change}", "--overwrite")
    kubectl.ask(f"saying whose campaigns may break {subject}", *what)
