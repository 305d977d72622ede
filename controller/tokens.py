"""The names that the controller and the command line share about campaigns' tokens. Pure."""

from __future__ import annotations

from hashlib import sha256

from controller.api import GROUP

ANNOTATION = f"{GROUP}/token-request"
"""Of a campaign: the digest of a secret of somebody's who may change it, and is to be given its token."""


def secret_name(campaign_uid: str) -> str:
    """The Secret in the controller's namespace that holds a campaign's token."""
    return f"evalcampaign-token-{campaign_uid}"


def digest_of(proof: str) -> str:
    """What is to stand in the annotation."""
    return sha256(proof.encode()).hexdigest()


class NotProven(Exception):
    """Whoever asks for a token has not shown that he may change the campaign; the text says what is missing."""
