"""Asking the image registry, without waiting long for one that cannot be reached."""

from cluster import run

TIMEOUT_SECONDS = 15.0


def refusal(image: str) -> str | None:
    """Returns why the registry does not answer for an image, in Docker's words; None when the image can be had."""
    asked = run.attempt(["docker", "manifest", "inspect", image], timeout=TIMEOUT_SECONDS)
    return None if asked.returncode == 0 else run.last_lines(asked.stderr, 1) or "no answer"
