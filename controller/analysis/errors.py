"""What can be wrong with a question about the evidence. Every text is a sentence for the person who asked.

EvidenceError
├── NotComparable  two campaigns asked different things
├── NotThere       nothing is recorded that could answer
└── NotInstalled   the packages that the numbers take are not there
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controller.usererror import UserError

EXTRA = frozenset({"scipy", "numpy", "matplotlib", "jinja2"})
"""What the extra `evidence` brings, and nothing else needs."""


class EvidenceError(UserError):
    """Base of everything below."""


class NotComparable(EvidenceError):
    """Two campaigns asked different things; the text names what differs."""


class CampaignMissing(EvidenceError):
    """There is no such campaign to answer with."""


class NotInstalled(EvidenceError):
    """Packages are missing; the text says which command brings them."""


@contextmanager
def extra() -> Iterator[None]:
    """Turn the absence of a package of the extra into NotInstalled; other packages that are missing are bugs."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise NotInstalled(
            f"This takes {package}, which is not installed: pip install 'evalcampaign[evidence]'"
        ) from None
